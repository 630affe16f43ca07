// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func selector(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func inside(pods *metav1.LabelSelector) networking.NetworkPolicyPeer {
	return networking.NetworkPolicyPeer{PodSelector: pods}
}

func block(network string, except ...string) networking.NetworkPolicyPeer {
	return networking.NetworkPolicyPeer{IPBlock: &networking.IPBlock{CIDR: network, Except: except}}
}

func tcp(port int32) networking.NetworkPolicyPort {
	return networking.NetworkPolicyPort{Protocol: pointer(core.ProtocolTCP), Port: pointer(intstr.FromInt32(port))}
}

func named(port string) networking.NetworkPolicyPort {
	return networking.NetworkPolicyPort{Protocol: pointer(core.ProtocolTCP), Port: pointer(intstr.FromString(port))}
}

func ingress(ports []networking.NetworkPolicyPort, from ...networking.NetworkPolicyPeer) networking.NetworkPolicySpec {
	return networking.NetworkPolicySpec{
		Ingress:     []networking.NetworkPolicyIngressRule{{Ports: ports, From: from}},
		PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress},
	}
}

// The policies that namespaces usually have: who sets one up begins with the first one here.
func policySpec(n, kind int) (string, networking.NetworkPolicySpec) {
	type ports = []networking.NetworkPolicyPort
	team := selector("team", teamName(n))
	switch kind {
	case 0:
		return "default-deny", networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress}}
	case 1:
		spec := ingress(ports{tcp(8080)}, inside(selector("app", "web")))
		spec.PodSelector = *selector("app", "api")
		return "api-from-web", spec
	case 2:
		backend := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "tier", Operator: metav1.LabelSelectorOpIn, Values: []string{"backend", "batch"}}}}
		memcached := tcp(11211)
		memcached.EndPort = pointer(int32(11220))
		spec := ingress(ports{tcp(5432), tcp(6379), memcached}, inside(backend))
		spec.PodSelector = *selector("tier", "data")
		return "data-from-backend", spec
	case 3:
		fromTeam := networking.NetworkPolicyPeer{NamespaceSelector: team, PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "tier", Operator: metav1.LabelSelectorOpIn, Values: []string{"frontend", "backend"}}}}}
		office := fmt.Sprintf("192.168.%d.0/24", n%250)
		spec := ingress(ports{named("http"), tcp(8443)}, fromTeam, block("172.16.0.0/12", "172.16.1.0/24"), block(office))
		spec.PodSelector = *selector("app", "web")
		return "web-from-team", spec
	case 4:
		dns := networking.NetworkPolicyPeer{NamespaceSelector: selector(core.LabelMetadataName, "kube-system"), PodSelector: selector("k8s-app", "kube-dns")}
		query := networking.NetworkPolicyPort{Protocol: pointer(core.ProtocolUDP), Port: pointer(intstr.FromInt32(53))}
		return "worker-egress", networking.NetworkPolicySpec{
			PodSelector: *selector("app", "worker"),
			PolicyTypes: []networking.PolicyType{networking.PolicyTypeEgress},
			Egress: []networking.NetworkPolicyEgressRule{
				{Ports: ports{query, tcp(53)}, To: []networking.NetworkPolicyPeer{dns}},
				{Ports: ports{tcp(443)}, To: []networking.NetworkPolicyPeer{block("0.0.0.0/0", "10.0.0.0/8", "169.254.169.254/32")}},
				{Ports: ports{tcp(5432)}, To: []networking.NetworkPolicyPeer{inside(selector("app", "db"))}},
			},
		}
	}
	fromApp := networking.NetworkPolicyPeer{NamespaceSelector: team, PodSelector: selector("app", apps[kind%len(apps)].name)}
	spec := ingress(ports{tcp(9000 + int32(kind))}, fromApp)
	spec.PodSelector = *selector("app", apps[(kind+1)%len(apps)].name)
	return fmt.Sprintf("extra-%d", kind), spec
}

func (l layout) policy(n, kind int) *networking.NetworkPolicy {
	name, spec := policySpec(n, kind)
	return l.policyObject(n, name, spec)
}

// Admits every pod of the cluster to the namespace's web pods: whatever becomes of any pod concerns it.
func (l layout) openPolicy(n int) *networking.NetworkPolicy {
	spec := ingress(nil, networking.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{}})
	spec.PodSelector = *selector("app", "web")
	return l.policyObject(n, "web-from-everywhere", spec)
}

func (l layout) policyObject(n int, name string, spec networking.NetworkPolicySpec) *networking.NetworkPolicy {
	meta := l.meta(namespaceName(n), name, map[string]string{"app.kubernetes.io/managed-by": "Helm"})
	meta.Generation = 1
	return &networking.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}, ObjectMeta: meta, Spec: spec}
}
