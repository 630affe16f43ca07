#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kube-proxy's rules for one node: kube_proxy.py MODE NODE POD_CIDRS MANIFEST...

MODE is iptables, nftables or ipvs. Writes what kube-proxy v1.35 writes in that mode with --cluster-cidr
POD_CIDRS (one of each family, a comma between), for the Services and EndpointSlices of the manifests, into the network
namespace in which it runs. That is done once, into an empty namespace: nothing is brought up to date or taken away.
What kube-proxy has for Services that the manifests of our tests do not use is left out: loadBalancerSourceRanges, health
check ports, SCTP.
"""
import base64
import dataclasses
import hashlib
import ipaddress
import json
import subprocess
import sys

import yaml

MASQUERADE_MARK = "0x4000"


def run(command, text=None):
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"kube_proxy: {' '.join(command)}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


def digest(text, length):
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


# ---- What the manifests say ----


@dataclasses.dataclass(frozen=True)
class Endpoint:
    ip: str
    port: int
    ready: bool
    ending: bool  # terminating, and serving still
    local: bool
    for_zones: frozenset
    for_nodes: frozenset

    def __str__(self):
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Node:
    name: str
    zone: str


def usable(endpoints):
    """The ready ones; where there are none, those that are ending but still serve."""
    return [e for e in endpoints if e.ready] or [e for e in endpoints if e.ending]


def near(endpoints, node):
    """Of the usable ones: those that are hinted for the node, or for its zone, if all are hinted and one is for us."""
    chosen = usable(endpoints)
    if not any(e.ready for e in chosen):
        return chosen
    for ours, hints in (node.name, [e.for_nodes for e in chosen]), (node.zone, [e.for_zones for e in chosen]):
        if all(hints) and any(ours in hint for hint in hints):
            return [e for e, hint in zip(chosen, hints) if ours in hint]
    return chosen


def unique(endpoints):
    return list(dict.fromkeys(endpoints))


@dataclasses.dataclass
class ServicePort:
    """A port of a Service, in one family."""

    service: str  # "ns/name"
    name: str  # "ns/name:port"
    protocol: str
    ip: str
    external_ips: list  # and those of load balancers
    port: int
    node_port: int  # 0: none
    affinity_s: int  # 0: none
    internal_local: bool
    external_local: bool
    everywhere: list  # endpoints that traffic policy Cluster may choose
    here: list  # endpoints that traffic policy Local may choose

    @property
    def reachable(self):
        return unique(self.everywhere + self.here)


def read_manifests(files):
    for file in files:
        with open(file, encoding="utf-8") as text:
            for item in yaml.load_all(text, yaml.CSafeLoader):
                if item:
                    yield item


def service_ports(manifests, node, family):
    def of_family(address):
        return ipaddress.ip_address(address).version == family

    slices = [m for m in manifests if m["kind"] == "EndpointSlice" and m["addressType"] == f"IPv{family}"]
    for service in (m for m in manifests if m["kind"] == "Service"):
        meta, spec = service["metadata"], service["spec"]
        ips = [a for a in spec.get("clusterIPs", [spec.get("clusterIP")]) if a not in (None, "", "None") and of_family(a)]
        balancers = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        external = spec.get("externalIPs", []) + [b["ip"] for b in balancers if b.get("ipMode", "VIP") == "VIP"]
        affinity = spec.get("sessionAffinity") == "ClientIP"
        timeout = spec.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds", 10800)
        mine = [
            s
            for s in slices
            if s["metadata"]["namespace"] == meta["namespace"]
            and s["metadata"]["labels"].get("kubernetes.io/service-name") == meta["name"]
        ]
        for port in spec["ports"] if ips else []:
            endpoints = unique(e for s in mine for e in slice_endpoints(s, port, node.name))
            name = f"{meta['namespace']}/{meta['name']}"
            yield ServicePort(
                service=name,
                name=f"{name}:{port.get('name', '')}",
                protocol=port.get("protocol", "TCP").lower(),
                ip=ips[0],
                external_ips=[a for a in external if of_family(a)],
                port=port["port"],
                node_port=port.get("nodePort", 0),
                affinity_s=timeout if affinity else 0,
                internal_local=spec.get("internalTrafficPolicy") == "Local",
                external_local=spec.get("externalTrafficPolicy") == "Local",
                everywhere=near(endpoints, node),
                here=usable([e for e in endpoints if e.local]),
            )


def slice_endpoints(endpoint_slice, port, node):
    for target in endpoint_slice.get("ports", []):
        if target.get("name", "") != port.get("name", "") or target["protocol"] != port.get("protocol", "TCP"):
            continue
        for endpoint in endpoint_slice["endpoints"]:
            conditions, hints = endpoint.get("conditions", {}), endpoint.get("hints", {})
            yield Endpoint(
                ip=endpoint["addresses"][0],
                port=target["port"],
                ready=conditions.get("ready", True),
                ending=conditions.get("terminating", False) and conditions.get("serving", True),
                local=endpoint.get("nodeName") == node,
                for_zones=frozenset(hint["name"] for hint in hints.get("forZones", [])),
                for_nodes=frozenset(hint["name"] for hint in hints.get("forNodes", [])),
            )


# ---- Mode iptables ----


class Iptables:
    def __init__(self, family, pods):
        self.family, self.pods = family, pods
        self.tables = {"filter": ([], []), "nat": ([], [])}  # chains, rules

    def chain(self, table, *names):
        self.tables[table][0].extend(names)

    def rule(self, table, text):
        self.tables[table][1].append(f"-A {text}")

    def install(self):
        text = ""
        for table, (chains, rules) in self.tables.items():
            text += "\n".join([f"*{table}", *(f":{c} - [0:0]" for c in chains), *rules, "COMMIT\n"])
        run(["iptables-restore" if self.family == 4 else "ip6tables-restore", "--noflush"], text)

    def base(self, forwarding=()):
        self.chain("filter", "KUBE-FORWARD")
        self.chain("nat", "KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")
        self.rule("nat", "PREROUTING -j KUBE-SERVICES")
        self.rule("nat", "OUTPUT -j KUBE-SERVICES")
        self.rule("nat", "POSTROUTING -j KUBE-POSTROUTING")
        self.rule("nat", f"KUBE-MARK-MASQ -j MARK --or-mark {MASQUERADE_MARK}")
        self.rule("filter", "FORWARD -j KUBE-FORWARD")
        for text in forwarding:
            self.rule("filter", f"KUBE-FORWARD {text}")
        self.rule("filter", f"KUBE-FORWARD -m mark --mark {MASQUERADE_MARK}/{MASQUERADE_MARK} -j ACCEPT")
        self.rule("filter", "KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")

    def masquerade(self):
        self.rule("nat", f"KUBE-POSTROUTING -m mark ! --mark {MASQUERADE_MARK}/{MASQUERADE_MARK} -j RETURN")
        self.rule("nat", f"KUBE-POSTROUTING -j MARK --xor-mark {MASQUERADE_MARK}")
        self.rule("nat", "KUBE-POSTROUTING -j MASQUERADE --random-fully")


def write_iptables(family, pods, ports):
    tables = Iptables(family, pods)
    tables.base(forwarding=["-m conntrack --ctstate INVALID -j DROP"])
    tables.masquerade()
    tables.chain("filter", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS")
    tables.chain("nat", "KUBE-NODEPORTS")
    tables.rule("filter", "INPUT -j KUBE-NODEPORTS")
    for hook, chains in {
        "INPUT": ["KUBE-EXTERNAL-SERVICES"],
        "FORWARD": ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"],
        "OUTPUT": ["KUBE-SERVICES"],
    }.items():
        for chain in chains:
            tables.rule("filter", f"{hook} -m conntrack --ctstate NEW -j {chain}")
    for port in ports:
        iptables_service(tables, port)
    tables.rule("nat", "KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    tables.install()


def iptables_service(tables, port):
    def to(ip, number):
        return f"-d {ip} -p {port.protocol} --dport {number}"

    outside = f"! -s {tables.pods}"
    node_port = f"-p {port.protocol} --dport {port.node_port}"
    code = digest(port.name + port.protocol, 16)
    cluster_chain, local_chain, external_chain = (f"KUBE-{kind}-{code}" for kind in ("SVC", "SVL", "EXT"))
    internal_chain = local_chain if port.internal_local else cluster_chain
    if not port.everywhere:
        tables.rule("filter", f"KUBE-SERVICES {to(port.ip, port.port)} -j REJECT")
        for ip in port.external_ips:
            tables.rule("filter", f"KUBE-EXTERNAL-SERVICES {to(ip, port.port)} -j REJECT")
        if port.node_port:
            tables.rule("filter", f"KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL {node_port} -j REJECT")
        return

    is_external = bool(port.external_ips or port.node_port)
    if not port.internal_local or is_external:
        iptables_choice(tables, port, cluster_chain, port.everywhere)
    if port.internal_local or (is_external and port.external_local):
        iptables_choice(tables, port, local_chain, port.here)
    for endpoint in port.reachable:
        iptables_endpoint(tables, port, endpoint)

    if port.internal_local and not port.here:
        tables.rule("filter", f"KUBE-SERVICES {to(port.ip, port.port)} -j DROP")
    tables.rule("nat", f"KUBE-SERVICES {to(port.ip, port.port)} -j {internal_chain}")
    # It must come before the choice.
    tables.tables["nat"][1].insert(0, f"-A {internal_chain} {to(port.ip, port.port)} {outside} -j KUBE-MARK-MASQ")
    for ip in port.external_ips:
        tables.rule("nat", f"KUBE-SERVICES {to(ip, port.port)} -j {external_chain}")
        if port.external_local and not port.here:
            tables.rule("filter", f"KUBE-EXTERNAL-SERVICES {to(ip, port.port)} -j DROP")
    if port.node_port:
        tables.rule("nat", f"KUBE-NODEPORTS {node_port} -j {external_chain}")
        if port.external_local and not port.here:
            tables.rule("filter", f"KUBE-EXTERNAL-SERVICES -m addrtype --dst-type LOCAL {node_port} -j DROP")
    if not is_external:
        return
    tables.chain("nat", external_chain)
    if port.external_local:
        tables.rule("nat", f"{external_chain} -s {tables.pods} -j {cluster_chain}")
        tables.rule("nat", f"{external_chain} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ")
        tables.rule("nat", f"{external_chain} -m addrtype --src-type LOCAL -j {cluster_chain}")
        tables.rule("nat", f"{external_chain} -j {local_chain}")
    else:
        tables.rule("nat", f"{external_chain} -j KUBE-MARK-MASQ")
        tables.rule("nat", f"{external_chain} -j {cluster_chain}")


def iptables_endpoint_chain(port, endpoint):
    return "KUBE-SEP-" + digest(port.name + port.protocol + str(endpoint), 16)


def iptables_choice(tables, port, chain, endpoints):
    tables.chain("nat", chain)
    if port.affinity_s:
        for endpoint in endpoints:
            to = iptables_endpoint_chain(port, endpoint)
            tables.rule("nat", f"{chain} -m recent --name {to} --rcheck --seconds {port.affinity_s} --reap -j {to}")
    for index, endpoint in enumerate(endpoints):
        left = len(endpoints) - index
        chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        tables.rule("nat", f"{chain} {chance}-j {iptables_endpoint_chain(port, endpoint)}")


def iptables_endpoint(tables, port, endpoint):
    chain = iptables_endpoint_chain(port, endpoint)
    remember = f"-m recent --name {chain} --set " if port.affinity_s else ""
    tables.chain("nat", chain)
    tables.rule("nat", f"{chain} -s {endpoint.ip} -j KUBE-MARK-MASQ")
    tables.rule("nat", f"{chain} {remember}-p {port.protocol} -j DNAT --to-destination {endpoint}")


# ---- Mode nftables ----

NFT_BASE = """
table {ip} kube-proxy {{
    set cluster-ips {{ type {address}; }}
    set nodeport-ips {{ type {address}; elements = {{ {nodes} }} }}
    map service-ips {{ type {address} . inet_proto . inet_service : verdict; }}
    map service-nodeports {{ type inet_proto . inet_service : verdict; }}
    map no-endpoint-services {{ type {address} . inet_proto . inet_service : verdict; }}
    map no-endpoint-nodeports {{ type inet_proto . inet_service : verdict; }}

    chain filter-forward {{
        type filter hook forward priority 0;
        ct state new jump service-endpoints-check
        ct state new jump cluster-ips-check
    }}
    chain filter-input {{
        type filter hook input priority 0;
        ct state new jump nodeport-endpoints-check
        ct state new jump service-endpoints-check
    }}
    chain filter-output {{
        type filter hook output priority 0;
        ct state new jump service-endpoints-check
        ct state new jump cluster-ips-check
    }}
    chain nat-prerouting {{
        type nat hook prerouting priority -100;
        jump services
    }}
    chain nat-output {{
        type nat hook output priority -100;
        jump services
    }}
    chain nat-postrouting {{
        type nat hook postrouting priority 100;
        jump masquerading
    }}
    chain services {{
        {ip} daddr . meta l4proto . th dport vmap @service-ips
        {ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }}
    chain service-endpoints-check {{ {ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }}
    chain nodeport-endpoints-check {{ {ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }}
    chain cluster-ips-check {{ {ip} daddr @cluster-ips reject; }}
    chain reject-chain {{ reject; }}
    chain mark-for-masquerade {{ meta mark set meta mark or {mark}; }}
    chain masquerading {{
        meta mark and {mark} == 0 return
        meta mark set meta mark xor {mark}
        masquerade fully-random
    }}
}}
"""


class Nftables:
    def __init__(self, family, pods):
        self.ip = "ip" if family == 4 else "ip6"
        self.address = "ipv4_addr" if family == 4 else "ipv6_addr"
        self.pods = pods
        self.lines = []

    def element(self, container, text):
        self.lines.append(f"add element {self.ip} kube-proxy {container} {{ {text} }}")

    def chain(self, name, *rules):
        self.lines.append(f"add chain {self.ip} kube-proxy {name}")
        for rule in rules:
            self.lines.append(f"add rule {self.ip} kube-proxy {name} {rule}")

    def dynamic_set(self, name, timeout_s):
        options = f"type {self.address}; flags dynamic,timeout; timeout {timeout_s}s;"
        self.lines.append(f"add set {self.ip} kube-proxy {name} {{ {options} }}")


def write_nftables(family, pods, ports, node_addresses):
    table = Nftables(family, pods)
    base = NFT_BASE.format(ip=table.ip, address=table.address, nodes=", ".join(node_addresses), mark=MASQUERADE_MARK)
    for port in ports:
        nft_service(table, port)
    # Chains first: rules and elements name them.
    lines = sorted(table.lines, key=lambda line: not line.startswith(("add chain", "add set")))
    run(["nft", "-f", "-"], base + "\n".join(lines) + "\n")


def nft_service(table, port):
    tail = f"{port.service}/{port.protocol}/{port.name.partition(':')[2]}"
    code = digest(port.name + port.protocol, 8)
    cluster_chain, local_chain, external_chain = (f"{kind}-{code}-{tail}" for kind in ("service", "local", "external"))
    internal_chain = local_chain if port.internal_local else cluster_chain
    node_port = f"{port.protocol} . {port.node_port}"
    table.element("cluster-ips", port.ip)
    if not port.everywhere:
        for ip in [port.ip, *port.external_ips]:
            table.element("no-endpoint-services", f"{ip} . {port.protocol} . {port.port} : goto reject-chain")
        if port.node_port:
            table.element("no-endpoint-nodeports", f"{node_port} : goto reject-chain")
        return

    is_external = bool(port.external_ips or port.node_port)
    if port.internal_local and not port.here:
        table.element("no-endpoint-services", f"{port.ip} . {port.protocol} . {port.port} : drop")
    masquerade = f"{table.ip} daddr {port.ip} {table.ip} saddr != {table.pods} jump mark-for-masquerade"
    table.chain(internal_chain, masquerade)
    if not port.internal_local or is_external:
        nft_choice(table, port, cluster_chain, tail, port.everywhere)
    if port.internal_local or (is_external and port.external_local):
        nft_choice(table, port, local_chain, tail, port.here)
    for endpoint in port.reachable:
        nft_endpoint(table, port, tail, endpoint)
    table.element("service-ips", f"{port.ip} . {port.protocol} . {port.port} : goto {internal_chain}")
    for ip in port.external_ips:
        table.element("service-ips", f"{ip} . {port.protocol} . {port.port} : goto {external_chain}")
        if port.external_local and not port.here:
            table.element("no-endpoint-services", f"{ip} . {port.protocol} . {port.port} : drop")
    if port.node_port:
        table.element("service-nodeports", f"{node_port} : goto {external_chain}")
        if port.external_local and not port.here:
            table.element("no-endpoint-nodeports", f"{node_port} : drop")
    if is_external and port.external_local:
        rules = [
            f"{table.ip} saddr {table.pods} goto {cluster_chain}",
            "fib saddr type local jump mark-for-masquerade",
            f"fib saddr type local goto {cluster_chain}",
            *([f"goto {local_chain}"] if port.here else []),
        ]
        table.chain(external_chain, *rules)
    elif is_external:
        table.chain(external_chain, "jump mark-for-masquerade", f"goto {cluster_chain}")


def nft_endpoint_name(port, tail, endpoint):
    code = digest(port.name + port.protocol + str(endpoint), 8)
    return f"{code}-{tail}__{endpoint.ip.replace(':', '.')}/{endpoint.port}"


def nft_choice(table, port, chain, tail, endpoints):
    names = [nft_endpoint_name(port, tail, endpoint) for endpoint in endpoints]
    table.chain(chain)
    if port.affinity_s:
        for name in names:
            table.chain(chain, f"{table.ip} saddr @affinity-{name} goto endpoint-{name}")
    if names:
        choices = ", ".join(f"{index} : goto endpoint-{name}" for index, name in enumerate(names))
        table.chain(chain, f"numgen random mod {len(names)} vmap {{ {choices} }}")


def nft_endpoint(table, port, tail, endpoint):
    name = nft_endpoint_name(port, tail, endpoint)
    rules = [f"{table.ip} saddr {endpoint.ip} jump mark-for-masquerade"]
    if port.affinity_s:
        table.dynamic_set(f"affinity-{name}", port.affinity_s)
        rules.append(f"update @affinity-{name} {{ {table.ip} saddr }}")
    rules.append(f"meta l4proto {port.protocol} dnat to {endpoint}")
    table.chain(f"endpoint-{name}", *rules)


# ---- Mode ipvs ----

IPVS_SETS = {
    "KUBE-LOOP-BACK": "hash:ip,port,ip",
    "KUBE-CLUSTER-IP": "hash:ip,port",
    "KUBE-EXTERNAL-IP": "hash:ip,port",
    "KUBE-EXTERNAL-IP-LOCAL": "hash:ip,port",
    "KUBE-IPVS-IPS": "hash:ip",
    "KUBE-NODE-PORT-TCP": "bitmap:port",
    "KUBE-NODE-PORT-UDP": "bitmap:port",
    "KUBE-NODE-PORT-LOCAL-TCP": "bitmap:port",
    "KUBE-NODE-PORT-LOCAL-UDP": "bitmap:port",
}


class Ipvs:
    def __init__(self, family, node_addresses):
        self.family, self.node_addresses = family, node_addresses
        self.prefix = "" if family == 4 else "6-"
        self.sets, self.servers, self.links = [], [], []

    def set_name(self, name):
        return name if self.family == 4 else name.replace("KUBE-", "KUBE-6-", 1)

    def member(self, name, text):
        self.sets.append(f"add {self.set_name(name)} {text} -exist")

    def server(self, port, ip, number, endpoints):
        """A virtual server and its real ones."""
        name = f"{'-t' if port.protocol == 'tcp' else '-u'} {f'[{ip}]' if ':' in ip else ip}:{number}"
        self.servers.append(f"-A {name} -s rr" + (f" -p {port.affinity_s}" if port.affinity_s else ""))
        for endpoint in endpoints:
            self.servers.append(f"-a {name} -r {endpoint} -m -w 1")

    def local_address(self, ip):
        if ip in self.node_addresses:  # an external IP may be
            return
        self.member("KUBE-IPVS-IPS", ip)
        self.links.append(f"address replace {ip}/{32 if self.family == 4 else 128} dev kube-ipvs0")


def write_ipvs(family, pods, ports, node_addresses):
    ipvs = Ipvs(family, node_addresses)
    kind = "inet" if family == 4 else "inet6"
    for name, set_type in IPVS_SETS.items():
        what = "range 0-65535" if set_type == "bitmap:port" else f"family {kind}"
        ipvs.sets.append(f"create {ipvs.set_name(name)} {set_type} {what}")
    for port in ports:
        ipvs_service(ipvs, port)
    run(["sysctl", "-q", "-w", "net.ipv4.vs.conntrack=1", "net.ipv4.vs.expire_nodest_conn=1"])
    run(["ip", "-batch", "-"], "\n".join(ipvs.links) + "\n")
    run(["ipset", "restore"], "\n".join(ipvs.sets) + "\n")
    run(["ipvsadm", "-R"], "\n".join(ipvs.servers) + "\n")
    ipvs_tables(ipvs, pods)


def ipvs_service(ipvs, port):
    # Without an endpoint here this mode leads to the others, if kube-proxy has looked for them at all.
    others = port.everywhere if port.external_ips or port.node_port else []
    inside = (port.here or others) if port.internal_local else port.everywhere
    outside = (port.here or others) if port.external_local else port.everywhere
    for endpoint in port.reachable:
        if endpoint.local:
            ipvs.member("KUBE-LOOP-BACK", f"{endpoint.ip},{port.protocol}:{endpoint.port},{endpoint.ip}")
    ipvs.member("KUBE-CLUSTER-IP", f"{port.ip},{port.protocol}:{port.port}")
    ipvs.local_address(port.ip)
    ipvs.server(port, port.ip, port.port, inside)
    for ip in port.external_ips:
        name = "KUBE-EXTERNAL-IP-LOCAL" if port.external_local else "KUBE-EXTERNAL-IP"
        ipvs.member(name, f"{ip},{port.protocol}:{port.port}")
        ipvs.local_address(ip)
        ipvs.server(port, ip, port.port, outside)
    if port.node_port:
        ipvs.member(f"KUBE-NODE-PORT-{port.protocol.upper()}", str(port.node_port))
        if port.external_local:
            ipvs.member(f"KUBE-NODE-PORT-LOCAL-{port.protocol.upper()}", str(port.node_port))
        for ip in ipvs.node_addresses:
            ipvs.server(port, ip, port.node_port, outside)


def ipvs_tables(ipvs, pods):
    def member(name, how):
        return f"-m set --match-set {ipvs.set_name(name)} {how}"

    loopback = "127.0.0.0/8" if ipvs.family == 4 else "::1/128"
    tables = Iptables(ipvs.family, pods)
    tables.base()
    tables.rule("nat", f"KUBE-POSTROUTING {member('KUBE-LOOP-BACK', 'dst,dst,src')} -j MASQUERADE")
    tables.masquerade()
    tables.chain("nat", "KUBE-NODE-PORT")
    tables.rule("nat", f"KUBE-SERVICES -s {loopback} -j RETURN")
    tables.rule("nat", f"KUBE-SERVICES {member('KUBE-CLUSTER-IP', 'dst,dst')} ! -s {pods} -j KUBE-MARK-MASQ")
    external = f"KUBE-SERVICES {member('KUBE-EXTERNAL-IP', 'dst,dst')}"
    tables.rule("nat", f"{external} -j KUBE-MARK-MASQ")
    for name in ("KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"):
        external = f"KUBE-SERVICES {member(name, 'dst,dst')}"
        tables.rule("nat", f"{external} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT")
        tables.rule("nat", f"{external} -m addrtype --dst-type LOCAL -j ACCEPT")
    tables.rule("nat", "KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT")
    tables.rule("nat", f"KUBE-SERVICES {member('KUBE-CLUSTER-IP', 'dst,dst')} -j ACCEPT")
    for protocol in ("tcp", "udp"):
        local, every = f"KUBE-NODE-PORT-LOCAL-{protocol.upper()}", f"KUBE-NODE-PORT-{protocol.upper()}"
        tables.rule("nat", f"KUBE-NODE-PORT -p {protocol} {member(local, 'dst')} -j RETURN")
        tables.rule("nat", f"KUBE-NODE-PORT -p {protocol} {member(every, 'dst')} -j KUBE-MARK-MASQ")
    tables.chain("filter", "KUBE-IPVS-FILTER")
    tables.rule("filter", "INPUT -j KUBE-IPVS-FILTER")
    for name in ("KUBE-CLUSTER-IP", "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"):
        tables.rule("filter", f"KUBE-IPVS-FILTER {member(name, 'dst,dst')} -j RETURN")
    tables.rule("filter", f"KUBE-IPVS-FILTER -m conntrack --ctstate NEW {member('KUBE-IPVS-IPS', 'dst')} -j REJECT")
    tables.install()


# ---- The node ----


def node_addresses(manifests, node, family):
    """Those of the Node object, on which mode nftables has node ports."""
    found = [m["status"]["addresses"] for m in manifests if m["kind"] == "Node" and m["metadata"]["name"] == node]
    internal = [a["address"] for addresses in found for a in addresses if a["type"] == "InternalIP"]
    return [a for a in internal if ipaddress.ip_address(a).version == family]


def zone_of(manifests, node):
    labels = [m["metadata"].get("labels", {}) for m in manifests if m["kind"] == "Node" and m["metadata"]["name"] == node]
    return labels[0].get("topology.kubernetes.io/zone", "") if labels else ""


def local_addresses(family):
    """Those of all interfaces but the one that carries the Services' addresses: mode ipvs has node ports on them all."""
    links = json.loads(run(["ip", "-j", f"-{family}", "address", "show", "scope", "global"]))
    found = [a for link in links if link.get("ifname") != "kube-ipvs0" for a in link.get("addr_info", [])]
    return [a["local"] for a in found if "local" in a]


def main():
    mode, node, pod_cidrs, *files = sys.argv[1:]
    manifests = list(read_manifests(files))
    if mode == "ipvs":
        run(["ip", "link", "add", "kube-ipvs0", "type", "dummy"])
    for cidr in pod_cidrs.split(","):
        family = ipaddress.ip_network(cidr).version
        ports = list(service_ports(manifests, Node(node, zone_of(manifests, node)), family))
        if mode == "iptables":
            write_iptables(family, cidr, ports)
        elif mode == "nftables":
            write_nftables(family, cidr, ports, node_addresses(manifests, node, family))
        elif mode == "ipvs":
            write_ipvs(family, cidr, ports, local_addresses(family))
        else:
            sys.exit(f"kube_proxy: no mode {mode}: iptables, nftables or ipvs")


main()
