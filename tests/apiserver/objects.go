// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func (l layout) random(name string) *rand.Rand {
	hash := uint64(14695981039346656037) // FNV-1a
	for _, one := range []byte(name) {
		hash = (hash ^ uint64(one)) * 1099511628211
	}
	return rand.New(rand.NewPCG(l.Seed, hash))
}

func (l layout) meta(namespace, name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels, CreationTimestamp: created,
		UID: types.UID(uid(l.random(namespace + "/" + name)))}
}

func (l layout) namespace(n int) *core.Namespace {
	labels := map[string]string{core.LabelMetadataName: namespaceName(n), "team": teamName(n), "env": []string{"prod", "stage", "dev"}[n%3]}
	return &core.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: l.meta("", namespaceName(n), labels),
		Spec:       core.NamespaceSpec{Finalizers: []core.FinalizerName{core.FinalizerKubernetes}},
		Status:     core.NamespaceStatus{Phase: core.NamespaceActive},
	}
}

func (l layout) node(n int) *core.Node {
	name := nodeName(n)
	if n == 0 {
		name = l.Node
	}
	node := &core.Node{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: l.meta("", name, map[string]string{core.LabelHostname: name, core.LabelTopologyZone: fmt.Sprintf("zone-%d", n%3)}),
		Spec:       core.NodeSpec{ProviderID: "example:///machines/" + name},
		Status: core.NodeStatus{
			Capacity:  core.ResourceList{core.ResourceCPU: resource.MustParse("64"), core.ResourcePods: resource.MustParse("250")},
			Addresses: []core.NodeAddress{{Type: core.NodeInternalIP, Address: nodeAddress(n)}, {Type: core.NodeHostName, Address: name}},
			NodeInfo: core.NodeSystemInfo{KubeletVersion: "v1.34.4", OperatingSystem: "linux", Architecture: "amd64",
				ContainerRuntimeVersion: "containerd://2.1.4", KernelVersion: "6.12.48", OSImage: "Debian GNU/Linux 13"},
		},
	}
	for _, condition := range []core.NodeConditionType{core.NodeMemoryPressure, core.NodeDiskPressure, core.NodePIDPressure, core.NodeReady} {
		status := core.ConditionFalse
		if condition == core.NodeReady {
			status = core.ConditionTrue
		}
		node.Status.Conditions = append(node.Status.Conditions, core.NodeCondition{Type: condition, Status: status, Reason: "Kubelet",
			LastHeartbeatTime: created, LastTransitionTime: created})
	}
	for i := range 20 { // a kubelet tells up to 50, which is most of a Node's size
		image := fmt.Sprintf("registry.example.com/shop/image-%02d", i)
		node.Status.Images = append(node.Status.Images, core.ContainerImage{Names: []string{image + ":1.27.4", image + "@sha256:7a1f"}, SizeBytes: 4 << 20})
	}
	return node
}

// The Service of a namespace's web pods, as far into its range as the namespace's number.
func serviceAddress(n int) string { return fmt.Sprintf("10.96.%d.%d", 1+n/250, 1+n%250) }

func (l layout) service(n int) *core.Service {
	single := core.IPFamilyPolicySingleStack
	within := core.ServiceInternalTrafficPolicyCluster
	return &core.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: l.meta(namespaceName(n), "web", map[string]string{"app": "web"}),
		Spec: core.ServiceSpec{
			Type: core.ServiceTypeClusterIP, ClusterIP: serviceAddress(n), ClusterIPs: []string{serviceAddress(n)},
			Ports:    []core.ServicePort{{Name: "http", Protocol: core.ProtocolTCP, Port: 80, TargetPort: intstr.FromString("http")}},
			Selector: map[string]string{"app": "web"}, SessionAffinity: core.ServiceAffinityNone,
			IPFamilies: []core.IPFamily{core.IPv4Protocol}, IPFamilyPolicy: &single, InternalTrafficPolicy: &within,
		},
	}
}

// Without it the server would find the Service's address unallocated, and repair that, Service by Service.
func (l layout) serviceIP(n int) *networking.IPAddress {
	labels := map[string]string{networking.LabelIPAddressFamily: "IPv4", networking.LabelManagedBy: "ipallocator.k8s.io"}
	meta := l.meta("", serviceAddress(n), labels)
	meta.CreationTimestamp = metav1.Now() // an old one whose Service the server has not seen yet would be taken for leaked
	return &networking.IPAddress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "IPAddress"},
		ObjectMeta: meta,
		Spec:       networking.IPAddressSpec{ParentRef: &networking.ParentReference{Resource: "services", Namespace: namespaceName(n), Name: "web"}},
	}
}

func (l layout) slice(n int, pods []place) *discovery.EndpointSlice {
	labels := map[string]string{discovery.LabelServiceName: "web", discovery.LabelManagedBy: "endpointslice-controller.k8s.io"}
	slice := &discovery.EndpointSlice{
		TypeMeta:    metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta:  l.meta(namespaceName(n), "web-"+suffix(l.random(namespaceName(n)), 5), labels),
		AddressType: discovery.AddressTypeIPv4,
		Ports:       []discovery.EndpointPort{{Name: pointer("http"), Port: pointer(int32(8080)), Protocol: pointer(core.ProtocolTCP)}},
	}
	for _, p := range pods {
		slice.Endpoints = append(slice.Endpoints, discovery.Endpoint{
			Addresses:  p.addresses[:1],
			Conditions: discovery.EndpointConditions{Ready: pointer(true), Serving: pointer(true), Terminating: pointer(false)},
			TargetRef:  &core.ObjectReference{Kind: "Pod", Namespace: namespaceName(n), Name: p.name, UID: types.UID(p.uid)},
			NodeName:   pointer(p.node),
			Zone:       pointer("zone-1"),
		})
	}
	return slice
}
