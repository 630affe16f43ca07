// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
)

type fillOptions struct {
	layout
	dir      string
	policies int
	services int
	open     int
}

func fillFlags(o *fillOptions) *pflag.FlagSet {
	flags := pflag.NewFlagSet("apiserver fill", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&o.dir, "dir", "", "the directory of a running server")
	flags.IntVar(&o.Pods, "pods", 100000, "pods of all nodes")
	flags.IntVar(&o.Namespaces, "namespaces", 2000, "namespaces; ten of them are a team's")
	flags.IntVar(&o.policies, "policies", 10000, "policies")
	flags.IntVar(&o.services, "services", 1000, "namespaces whose web pods have a Service and an EndpointSlice")
	flags.IntVar(&o.open, "open", 0, "namespaces in which a policy admits every pod of the cluster")
	flags.StringVar(&o.Node, "node", "n1", "the node that is looked at")
	flags.IntVar(&o.Local, "local", 250, "pods of it")
	flags.IntVar(&o.LocalNamespaces, "local-namespaces", 100, "namespaces, the first ones, that have these")
	flags.BoolVar(&o.Dual, "dual", false, "an IPv6 address for every pod, too")
	flags.Uint64Var(&o.Seed, "seed", 1, "the same one makes the same cluster")
	return flags
}

func (o *fillOptions) check() error {
	switch {
	case o.dir == "":
		return errors.New("--dir is missing; see --help")
	case o.Namespaces < 1 || o.Namespaces > 9999:
		return fmt.Errorf("--namespaces: %d is not 1 to 9999", o.Namespaces)
	case o.Local < 0 || o.Local > o.Pods:
		return fmt.Errorf("--local: %d is not 0 to --pods", o.Local)
	case o.Pods > 4_000_000:
		return fmt.Errorf("--pods: there are not %d addresses", o.Pods)
	}
	o.LocalNamespaces = max(1, min(o.LocalNamespaces, o.Namespaces, o.Local))
	o.services, o.open = min(o.services, o.Namespaces), min(o.open, o.Namespaces)
	o.Nodes = max(1, (o.Pods-o.Local+podsOfNode-1)/podsOfNode)
	return nil
}

// Below etcd's limits of a request: 128 operations, 1.5 MiB.
const (
	batchOperations = 100
	batchBytes      = 1 << 20
)

// Collects what is to be written, and writes it in transactions, several at a time.
type writer struct {
	client *clientv3.Client
	group  *errgroup.Group
	within context.Context
	batch  []clientv3.Op
	bytes  int
	counts map[string]int // by resource
	sizes  map[string]int
	failed error
}

func newWriter(client *clientv3.Client) *writer {
	group, within := errgroup.WithContext(context.Background())
	group.SetLimit(4)
	return &writer{client: client, group: group, within: within, counts: map[string]int{}, sizes: map[string]int{}}
}

func (w *writer) put(resource, name string, object runtime.Object) {
	content, err := store(object)
	if err != nil && w.failed == nil {
		w.failed = fmt.Errorf("%s %s: %w", resource, name, err)
	}
	if w.bytes+len(content) > batchBytes || len(w.batch) == batchOperations {
		w.flush()
	}
	w.batch = append(w.batch, clientv3.OpPut("/registry/"+resource+"/"+name, string(content)))
	w.bytes += len(content)
	w.counts[resource]++
	w.sizes[resource] += len(content)
}

func (w *writer) flush() {
	batch := w.batch
	w.batch, w.bytes = nil, 0
	if len(batch) == 0 {
		return
	}
	w.group.Go(func() error {
		_, err := w.client.Txn(w.within).Then(batch...).Commit()
		return err
	})
}

func (w *writer) finish() error {
	w.flush()
	return errors.Join(w.failed, w.group.Wait())
}

// Namespaces, nodes and policies before the pods: nobody who watches sees a pod without its namespace.
func (o *fillOptions) write(w *writer) {
	for n := range o.Namespaces {
		w.put("namespaces", namespaceName(n), o.namespace(n))
	}
	for n := range o.Nodes + 1 {
		node := o.node(n)
		w.put("minions", node.Name, node) // as nodes were called when that was laid down
	}
	for n := range o.Namespaces {
		for kind := range spread(o.policies, o.Namespaces, n) {
			policy := o.policy(n, kind)
			w.put("networkpolicies", policy.Namespace+"/"+policy.Name, policy)
		}
	}
	for n := range o.open {
		policy := o.openPolicy(n)
		w.put("networkpolicies", policy.Namespace+"/"+policy.Name, policy)
	}
}

type localPod struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
}

// Returns the pods of the node that is looked at.
func (o *fillOptions) writePods(w *writer) []localPod {
	local := []localPod{}
	endpoints := make([][]place, o.services)
	o.eachPod(func(p place) {
		w.put("pods", namespaceName(p.namespace)+"/"+p.name, storedPod(p))
		if p.node == o.Node {
			local = append(local, localPod{namespaceName(p.namespace), p.name, p.addresses})
		}
		if apps[p.app].name == "web" && p.namespace < o.services {
			endpoints[p.namespace] = append(endpoints[p.namespace], p)
		}
	})
	for n, pods := range endpoints {
		w.put("services/specs", namespaceName(n)+"/web", o.service(n))
		w.put("ipaddresses", serviceAddress(n), o.serviceIP(n))
		slice := o.slice(n, pods)
		w.put("endpointslices", slice.Namespace+"/"+slice.Name, slice)
	}
	return local
}

func fill(args []string) error {
	var o fillOptions
	flags := fillFlags(&o)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if exists(layoutPath(o.dir)) {
		return fmt.Errorf("%s is filled already", o.dir)
	}
	client, err := openEtcd(o.dir)
	if err != nil {
		return err
	}
	defer client.Close()
	begun := time.Now()
	w := newWriter(client)
	o.write(w)
	local := o.writePods(w)
	if err := w.finish(); err != nil {
		return err
	}
	if err := o.layout.write(o.dir); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"objects": w.counts, "bytes": w.sizes, "seconds": time.Since(begun).Seconds(), "localPods": local})
}
