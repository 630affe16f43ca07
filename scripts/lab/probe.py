#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tries connections from many namespaces at once, in one process.

Each line of stdin is a probe: NETNS[@SOURCE] ADDRESS PORT/PROTOCOL EXPECTED LABEL..., with PROTOCOL tcp, udp or icmp
(its port is ignored), and EXPECTED allowed (a server answers) or dropped (silence; a refusal is not silence). Prints a
line for each, and fails if one is not as expected. A dropped probe is one packet.
"""
import ctypes
import errno
import os
import selectors
import socket
import struct
import sys
import time

PATIENCE_S = {"allowed": 5.0, "dropped": 0.9}  # a dropped SYN is sent again after 1 s
MEANING = {"answered": "allowed", "silence": "dropped"}
CLONE_NEWNET = 0x40000000
ICMP_PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
libc = ctypes.CDLL(None, use_errno=True)


def enter(netns):
    """A socket stays in the namespace in which it was made, so one process can hold sockets of all of them."""
    fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        sys.exit(f"probe: enter {netns}: {os.strerror(ctypes.get_errno())}")
    os.close(fd)


def echo_request(family, identifier):
    kind = 8 if family == socket.AF_INET else 128
    total = (kind << 8) + identifier  # all other words are zero
    checksum = ~(total + (total >> 16)) & 0xFFFF  # of ICMP; that of ICMPv6 the kernel fills in
    return struct.pack("!BBHHH", kind, 0, checksum, identifier, 0)


class Probe:
    def __init__(self, line, number):
        place, self.address, where, self.expected, self.label = line.rstrip().split(maxsplit=4)
        self.netns, _, self.source = place.partition("@")
        port, self.protocol = where.split("/")
        self.port = int(port) if port.isdigit() else 0
        self.family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        # Another one in each run: conntrack takes the same one again for the same connection.
        self.identifier = (os.getpid() * 256 + number + 1) & 0xFFFF
        self.outcome = None

    def start(self):
        enter(self.netns)
        if self.protocol == "icmp":
            self.sock = socket.socket(self.family, socket.SOCK_RAW, ICMP_PROTOCOLS[self.family])
        else:
            kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
            self.sock = socket.socket(self.family, kind)
        self.sock.setblocking(False)
        if self.source:
            self.sock.bind((self.source, 0))
        failure = self.sock.connect_ex((self.address, self.port))
        if failure not in (0, errno.EINPROGRESS):
            self.outcome = os.strerror(failure)
        elif self.protocol == "icmp":
            self.sock.send(echo_request(self.family, self.identifier))
        elif self.protocol == "udp":
            self.sock.send(b"probe")

    def waits_for(self):
        connecting = self.protocol == "tcp" and self.outcome is None
        return selectors.EVENT_WRITE if connecting else selectors.EVENT_READ

    def proceed(self, selector):
        """Something happened on the socket: connected, answered, or refused."""
        try:
            if selector.get_key(self.sock).events == selectors.EVENT_WRITE:
                self.sock.send(b"probe\n")
                selector.modify(self.sock, selectors.EVENT_READ, self)
            elif self.is_answer(self.sock.recv(4096)):
                self.outcome = "answered"
        except OSError as error:
            self.outcome = os.strerror(error.errno).lower()

    def is_answer(self, data):
        if self.protocol != "icmp":
            return data.startswith(b"probe")
        if self.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4 :]
        kind, _, _, identifier = struct.unpack("!BBHH", data[:6])
        return kind in (0, 129) and identifier == self.identifier

    def report(self):
        outcome = self.outcome or "silence"
        verdict = MEANING.get(outcome, outcome)
        good = verdict == self.expected
        print(f"{'ok  ' if good else 'FAIL'} {verdict:8} {self.label}" + ("" if good else f", expected {self.expected}"))
        return good


def main():
    sys.stdout.reconfigure(line_buffering=True)
    probes = [Probe(line, number) for number, line in enumerate(sys.stdin) if line.strip()]
    selector = selectors.DefaultSelector()
    for probe in probes:
        probe.start()
        if probe.outcome is None:
            selector.register(probe.sock, probe.waits_for(), probe)
    start = time.monotonic()
    while True:
        waiting = [p for p in probes if p.outcome is None]
        deadline = start + max((PATIENCE_S[p.expected] for p in waiting), default=0)
        if (left := deadline - time.monotonic()) <= 0:
            break
        for key, _ in selector.select(left):
            key.data.proceed(selector)
            if key.data.outcome:
                selector.unregister(key.fileobj)
    results = [p.report() for p in probes]
    sys.exit(0 if results and all(results) else 1)


main()
