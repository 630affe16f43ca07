// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func podKey(namespace int, name string) string {
	return "/registry/pods/" + namespaceName(namespace) + "/" + name
}

// A namespace's pods of one app that run. Pods of the looked-at node stay as they are: nobody would take their interfaces
// away.
func (c *churner) list(namespace, app int) ([]*core.Pod, error) {
	got, err := c.etcd.Get(context.Background(), podKey(namespace, ""), clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	var pods []*core.Pod
	wanted := []byte("/" + apps[app].name + "-")
	for _, entry := range got.Kvs {
		if !bytes.Contains(entry.Key, wanted) {
			continue
		}
		pod := new(core.Pod)
		if err := unstore(entry.Value, pod); err != nil {
			return nil, err
		}
		if pod.Labels["app"] == apps[app].name && pod.Spec.NodeName != c.Node && pod.Status.Phase == core.PodRunning {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

func (c *churner) put(pod *core.Pod, what string) error {
	content, err := store(pod)
	if err != nil {
		return err
	}
	c.pacer.wait()
	_, err = c.etcd.Put(context.Background(), "/registry/pods/"+pod.Namespace+"/"+pod.Name, string(content))
	if err == nil {
		c.count(what)
	}
	return err
}

func (c *churner) remove(pod *core.Pod) error {
	c.pacer.wait()
	_, err := c.etcd.Delete(context.Background(), "/registry/pods/"+pod.Namespace+"/"+pod.Name)
	if err == nil {
		c.count("deleted")
	}
	return err
}

// By a controller: the kubelet has the rest to do.
func (c *churner) terminate(pod *core.Pod) error {
	now := metav1.Now()
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &now, pointer(int64(30))
	return c.put(pod, "terminating")
}

func (c *churner) finish(pod *core.Pod) error {
	old := placeOf(pod)
	pod.Status = podStatus(old, core.PodSucceeded)
	return c.put(pod, "finished")
}

func (c *churner) label(pod *core.Pod, version string) error {
	pod.Labels["version"] = version
	return c.put(pod, "labelled")
}

func placeOf(pod *core.Pod) place {
	p := place{name: pod.Name, hash: pod.Labels["pod-template-hash"], uid: string(pod.UID), node: pod.Spec.NodeName, hostIP: pod.Status.HostIP}
	for _, one := range pod.Status.PodIPs {
		p.addresses = append(p.addresses, one.IP)
	}
	for i := range apps {
		if apps[i].name == pod.Labels["app"] {
			p.app = i
		}
	}
	return p
}

// A new pod in the place of an old one, on the same node: first without an address, then with one, and running.
func (c *churner) succeed(random *rand.Rand, namespace int, old *core.Pod, hash string) error {
	p := placeOf(old)
	p.namespace, p.hash, p.name, p.uid = namespace, hash, podName(random, p.app, hash), uid(random)
	p.addresses = c.takeAddresses()
	pod := storedPod(p)
	status := pod.Status
	pod.Status = core.PodStatus{Phase: core.PodPending, QOSClass: status.QOSClass}
	if err := c.put(pod, "created"); err != nil {
		return err
	}
	pod.Status = status
	return c.put(pod, "addressed")
}

// One of a rolling restart.
func (c *churner) restart(random *rand.Rand, namespace int, old *core.Pod, hash string) error {
	err := c.succeed(random, namespace, old, hash)
	if err == nil {
		err = c.terminate(old)
	}
	if err == nil {
		err = c.remove(old)
	}
	return err
}

// A Job's pod is done, and cleared away when the next one runs.
func (c *churner) finishJob(random *rand.Rand, namespace int, old *core.Pod) error {
	err := c.finish(old)
	if err == nil {
		err = c.succeed(random, namespace, old, "")
	}
	if err == nil {
		err = c.remove(old)
	}
	return err
}

// One time in five the labels of a whole app, otherwise all its pods one after the other.
func (c *churner) change(random *rand.Rand, namespace, app int, pods []*core.Pod) error {
	hash := suffix(random, 10)
	labels := random.IntN(5) == 0
	for _, pod := range pods {
		if time.Now().After(c.until) {
			return nil
		}
		var err error
		switch {
		case labels:
			err = c.label(pod, "v"+suffix(random, 3))
		case apps[app].tier == "batch":
			err = c.finishJob(random, namespace, pod)
		default:
			err = c.restart(random, namespace, pod, hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
