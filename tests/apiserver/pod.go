// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var created = metav1.NewTime(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC))

func pointer[T any](value T) *T { return &value }

func podLabels(p place) map[string]string {
	app := apps[p.app]
	labels := map[string]string{
		"app":                          app.name,
		"tier":                         app.tier,
		"team":                         teamName(p.namespace),
		"version":                      "v1",
		"app.kubernetes.io/name":       app.name,
		"app.kubernetes.io/instance":   namespaceName(p.namespace),
		"app.kubernetes.io/managed-by": "Helm",
	}
	if app.tier == "batch" {
		labels["batch.kubernetes.io/job-name"] = p.name[:len(p.name)-6]
		return labels
	}
	labels["pod-template-hash"] = p.hash
	return labels
}

func podOwner(p place) metav1.OwnerReference {
	owner := metav1.OwnerReference{Controller: pointer(true), BlockOwnerDeletion: pointer(true), UID: types.UID("0" + p.uid[1:])}
	if apps[p.app].tier == "batch" {
		owner.APIVersion, owner.Kind, owner.Name = "batch/v1", "Job", p.name[:len(p.name)-6]
	} else {
		owner.APIVersion, owner.Kind, owner.Name = "apps/v1", "ReplicaSet", apps[p.app].name+"-"+p.hash
	}
	return owner
}

func podMeta(p place) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:         p.name,
		GenerateName: p.name[:len(p.name)-5],
		Namespace:    namespaceName(p.namespace),
		Labels:       podLabels(p),
		Annotations: map[string]string{
			"checksum/config":                   "4f5f0a6f0c3f4c1c9d3f0f9f0a5b1de0aa6e2a76d8a9b5c0f7d2f0e1c3b5a799",
			"prometheus.io/scrape":              "true",
			"prometheus.io/port":                "9102",
			"kubectl.kubernetes.io/restartedAt": "2026-01-05T07:59:12Z",
		},
		OwnerReferences: []metav1.OwnerReference{podOwner(p)},
	}
}

func container(name, image string, port int32, portName string) core.Container {
	quantities := func(cpu, memory string) core.ResourceList {
		return core.ResourceList{core.ResourceCPU: resource.MustParse(cpu), core.ResourceMemory: resource.MustParse(memory)}
	}
	return core.Container{
		Name:  name,
		Image: image,
		Ports: []core.ContainerPort{{Name: portName, ContainerPort: port, Protocol: core.ProtocolTCP}},
		Env: []core.EnvVar{
			{Name: "POD_NAME", ValueFrom: &core.EnvVarSource{FieldRef: &core.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}}},
			{Name: "LOG_LEVEL", Value: "info"},
		},
		Resources:    core.ResourceRequirements{Requests: quantities("100m", "128Mi"), Limits: quantities("1", "512Mi")},
		VolumeMounts: []core.VolumeMount{{Name: "kube-api-access", ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}},
		ReadinessProbe: &core.Probe{
			ProbeHandler:   core.ProbeHandler{HTTPGet: &core.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(port), Scheme: core.URISchemeHTTP}},
			TimeoutSeconds: 1, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3,
		},
		TerminationMessagePath:   "/dev/termination-log",
		TerminationMessagePolicy: core.TerminationMessageReadFile,
		ImagePullPolicy:          core.PullIfNotPresent,
	}
}

func podSpec(p place) core.PodSpec {
	app := apps[p.app]
	toleration := func(key string) core.Toleration {
		return core.Toleration{Key: key, Operator: core.TolerationOpExists, Effect: core.TaintEffectNoExecute, TolerationSeconds: pointer(int64(300))}
	}
	restart := core.RestartPolicyAlways
	if app.tier == "batch" {
		restart = core.RestartPolicyNever
	}
	token := core.VolumeProjection{ServiceAccountToken: &core.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: pointer(int64(3607))}}
	roots := core.VolumeProjection{ConfigMap: &core.ConfigMapProjection{
		LocalObjectReference: core.LocalObjectReference{Name: "kube-root-ca.crt"}, Items: []core.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}}}
	return core.PodSpec{
		Volumes: []core.Volume{{Name: "kube-api-access", VolumeSource: core.VolumeSource{Projected: &core.ProjectedVolumeSource{
			Sources: []core.VolumeProjection{token, roots}, DefaultMode: pointer(int32(420))}}}},
		Containers: []core.Container{
			container(app.name, "registry.example.com/shop/"+app.name+":1.27.4", 8080, "http"),
			container("exporter", "registry.example.com/base/exporter:0.9.1", 9102, "metrics"),
		},
		RestartPolicy:                 restart,
		TerminationGracePeriodSeconds: pointer(int64(30)),
		DNSPolicy:                     core.DNSClusterFirst,
		ServiceAccountName:            "default",
		DeprecatedServiceAccount:      "default",
		NodeName:                      p.node,
		SecurityContext:               &core.PodSecurityContext{},
		SchedulerName:                 core.DefaultSchedulerName,
		Tolerations:                   []core.Toleration{toleration(core.TaintNodeNotReady), toleration(core.TaintNodeUnreachable)},
		Priority:                      pointer(int32(0)),
		EnableServiceLinks:            pointer(true),
		PreemptionPolicy:              pointer(core.PreemptLowerPriority),
	}
}

func podStatus(p place, phase core.PodPhase) core.PodStatus {
	running := phase == core.PodRunning
	status := core.PodStatus{Phase: phase, HostIP: p.hostIP, HostIPs: []core.HostIP{{IP: p.hostIP}}, PodIP: p.addresses[0],
		StartTime: &created, QOSClass: core.PodQOSBurstable}
	for _, address := range p.addresses {
		status.PodIPs = append(status.PodIPs, core.PodIP{IP: address})
	}
	for _, condition := range []core.PodConditionType{core.PodReadyToStartContainers, core.PodInitialized, core.PodReady,
		core.ContainersReady, core.PodScheduled} {
		value := core.ConditionTrue
		if !running && condition != core.PodInitialized && condition != core.PodScheduled {
			value = core.ConditionFalse
		}
		status.Conditions = append(status.Conditions, core.PodCondition{Type: condition, Status: value, LastTransitionTime: created})
	}
	for _, one := range []string{apps[p.app].name, "exporter"} {
		state := core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: created}}
		if !running {
			state = core.ContainerState{Terminated: &core.ContainerStateTerminated{Reason: "Completed", StartedAt: created, FinishedAt: created}}
		}
		status.ContainerStatuses = append(status.ContainerStatuses, core.ContainerStatus{
			Name: one, State: state, Ready: running, Started: &running,
			Image:       "registry.example.com/shop/" + one + ":1.27.4",
			ImageID:     "registry.example.com/shop/" + one + "@sha256:7a1f" + p.uid[:8] + "c02f9b3d1e5a4c6b8d7e9f0a1b2c3d4e5f60718293a4b5c6d7e8f901",
			ContainerID: "containerd://0d5d" + p.uid[24:] + "5a4c6b8d7e9f0a1b2c3d4e5f60718293a4b5c6d7e8f90122",
		})
	}
	return status
}

// As the server notes what a controller manager and a kubelet have set: about a quarter of a pod.
func podFields(p place) []metav1.ManagedFieldsEntry {
	one := `{".":{},"f:env":{".":{},"k:{\"name\":\"LOG_LEVEL\"}":{".":{},"f:name":{},"f:value":{}}},"f:image":{},"f:imagePullPolicy":{},` +
		`"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:name":{},"f:protocol":{}}},` +
		`"f:readinessProbe":{".":{},"f:failureThreshold":{},"f:httpGet":{".":{},"f:path":{},"f:port":{},"f:scheme":{}}},"f:resources":{}}`
	spec := fmt.Sprintf(`{"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:team":{},"f:tier":{},"f:version":{}},`+
		`"f:ownerReferences":{".":{},"k:{\"uid\":\"0%s\"}":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"%s\"}":%s},"f:dnsPolicy":{},`+
		`"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},"f:terminationGracePeriodSeconds":{}}}`, p.uid[1:], apps[p.app].name, one)
	status := fmt.Sprintf(`{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:lastTransitionTime":{},"f:status":{},"f:type":{}}},`+
		`"f:containerStatuses":{},"f:hostIP":{},"f:phase":{},"f:podIP":{},"f:podIPs":{".":{},"k:{\"ip\":\"%s\"}":{".":{},"f:ip":{}}},"f:startTime":{}}}`,
		p.addresses[0])
	entry := func(manager, fields, subresource string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &created,
			FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)}, Subresource: subresource}
	}
	return []metav1.ManagedFieldsEntry{entry("kube-controller-manager", spec, ""), entry("kubelet", status, "status")}
}

// As it is stored; what is given to the API server has less.
func storedPod(p place) *core.Pod {
	pod := newPod(p)
	pod.UID, pod.CreationTimestamp, pod.Generation = types.UID(p.uid), created, 1
	pod.ManagedFields = podFields(p)
	pod.Status = podStatus(p, core.PodRunning)
	return pod
}

func newPod(p place) *core.Pod {
	return &core.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: podMeta(p), Spec: podSpec(p)}
}
