// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
)

// What `fill` made, and where `churn` goes on: DIR/layout.json.
type layout struct {
	Namespaces      int    `json:"namespaces"`
	LocalNamespaces int    `json:"localNamespaces"` // the first ones; the pods of Node are in these
	Pods            int    `json:"pods"`
	Local           int    `json:"local"` // pods of Node
	Node            string `json:"node"`
	Nodes           int    `json:"nodes"` // others
	Dual            bool   `json:"dual"`
	Seed            uint64 `json:"seed"`
	NextAddress     int    `json:"nextAddress"` // no two living pods may have the same one
}

const (
	namespacesOfTeam = 10
	podsOfNode       = 250
)

// A Deployment each, but for the last one: its pods are those of Jobs.
var apps = []struct{ name, tier string }{
	{"web", "frontend"}, {"api", "backend"}, {"worker", "backend"}, {"cache", "data"}, {"db", "data"}, {"report", "batch"},
}

func layoutPath(dir string) string { return filepath.Join(dir, "layout.json") }

func readLayout(dir string) (layout, error) {
	var l layout
	content, err := os.ReadFile(layoutPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return l, fmt.Errorf("there is no cluster of `apiserver fill` in %s", dir)
	}
	if err == nil {
		err = json.Unmarshal(content, &l)
	}
	return l, err
}

func (l layout) write(dir string) error {
	content, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return writeFile(layoutPath(dir), append(content, '\n'), 0o644)
}

func namespaceName(n int) string { return fmt.Sprintf("ns-%04d", n) }
func teamName(n int) string      { return fmt.Sprintf("team-%03d", n/namespacesOfTeam) }
func nodeName(n int) string      { return fmt.Sprintf("node-%04d", n) }

// One address of each family; a cluster's networks have room for more pods than there are addresses in a node's.
func (l layout) addresses(n int) []string {
	v4 := netip.AddrFrom4([4]byte{10, byte(128 + n>>16), byte(n >> 8), byte(n)})
	if !l.Dual {
		return []string{v4.String()}
	}
	v6 := netip.MustParseAddr("fd00:80::").As16()
	v6[13], v6[14], v6[15] = byte(n>>16), byte(n>>8), byte(n)
	return []string{v4.String(), netip.AddrFrom16(v6).String()}
}

func nodeAddress(n int) string { return fmt.Sprintf("10.8.%d.%d", n/250, 1+n%250) }

// One pod's place in the cluster.
type place struct {
	namespace int
	app       int
	name      string // with its suffix
	hash      string // the pod template's
	uid       string
	node      string
	hostIP    string
	addresses []string
}

const suffixLetters = "bcdfghjklmnpqrstvwxz2456789" // those of Kubernetes: no word comes of them

func suffix(random *rand.Rand, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = suffixLetters[random.IntN(len(suffixLetters))]
	}
	return string(text)
}

func uid(random *rand.Rand) string {
	high, low := random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>32, high>>16&0xffff, high&0xfff, 0x8000|low>>48&0x3fff, low&0xffffffffffff)
}

// The same for every pod of a namespace's app, until a rolling restart gives it another one.
func (l layout) templateHash(namespace, app int) string {
	return suffix(rand.New(rand.NewPCG(l.Seed, uint64(namespace*len(apps)+app))), 10)
}

func podName(random *rand.Rand, app int, hash string) string {
	if apps[app].tier == "batch" {
		return apps[app].name + "-" + suffix(random, 8) + "-" + suffix(random, 5)
	}
	return apps[app].name + "-" + hash + "-" + suffix(random, 5)
}

func spread(count, over, index int) int {
	share := count / over
	if index < count%over {
		share++
	}
	return share
}

// Calls for every pod, namespace by namespace. The first pods of each of the first namespaces are those of Node, so that
// these are of several apps.
func (l *layout) eachPod(do func(place)) {
	random := rand.New(rand.NewPCG(l.Seed, 1<<32))
	names := map[string]bool{}
	others := 0
	for namespace := range l.Namespaces {
		local := 0
		if namespace < l.LocalNamespaces {
			local = spread(l.Local, l.LocalNamespaces, namespace)
		}
		clear(names)
		for i := range local + spread(l.Pods-l.Local, l.Namespaces, namespace) {
			p := place{namespace: namespace, app: i % len(apps), uid: uid(random)}
			p.hash = l.templateHash(namespace, p.app)
			for p.name == "" || names[p.name] {
				p.name = podName(random, p.app, p.hash)
			}
			names[p.name] = true
			p.node, p.hostIP = l.Node, nodeAddress(0)
			if i >= local {
				node := 1 + others%l.Nodes
				p.node, p.hostIP = nodeName(node), nodeAddress(node)
				others++
			}
			l.NextAddress++
			p.addresses = l.addresses(l.NextAddress)
			do(p)
		}
	}
}
