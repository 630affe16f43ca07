// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/spf13/pflag"
	clientv3 "go.etcd.io/etcd/client/v3"
)

type churnOptions struct {
	dir       string
	rate      float64
	localRate float64
	duration  time.Duration
	seconds   int
	workers   int
}

func churnFlags(o *churnOptions) *pflag.FlagSet {
	flags := pflag.NewFlagSet("apiserver churn", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&o.dir, "dir", "", "the directory of a running server that was filled")
	flags.Float64Var(&o.rate, "rate", 150, "changes of a pod per second, each of which every watch receives")
	flags.IntVar(&o.seconds, "seconds", 60, "how long; what is begun by then is finished")
	flags.Float64Var(&o.localRate, "local-rate", -1,
		"the share of changes, 0 to 1, of pods that policies of the looked-at node's pods select; -1: all pods alike")
	flags.IntVar(&o.workers, "workers", 4, "apps that are changed at a time")
	return flags
}

// Gives every change its time, whoever makes it; who comes late makes up for that.
type pacer struct {
	sync.Mutex
	begun    time.Time
	interval time.Duration
	given    int
}

func (p *pacer) wait() {
	p.Lock()
	due := p.begun.Add(time.Duration(p.given) * p.interval)
	p.given++
	p.Unlock()
	time.Sleep(time.Until(due))
}

func (p *pacer) behind(now time.Time) time.Duration {
	return max(0, now.Sub(p.begun.Add(time.Duration(p.given)*p.interval)))
}

// The namespaces are divided among workers, so that no two change the same pod.
type churner struct {
	churnOptions
	layout
	etcd   *clientv3.Client
	pacer  pacer
	until  time.Time
	lock   sync.Mutex
	counts map[string]int
}

func (c *churner) count(what string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.counts[what]++
}

func (c *churner) takeAddresses() []string {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.NextAddress++
	return c.addresses(c.NextAddress)
}

// The namespaces whose pods policies of the looked-at node's pods select: its own ones, and those of the same teams.
func (l layout) selectedNamespaces() int {
	teams := (l.LocalNamespaces + namespacesOfTeam - 1) / namespacesOfTeam
	return min(l.Namespaces, teams*namespacesOfTeam)
}

// Of the namespaces from..below those that are the worker's; -1: there is none.
func (c *churner) pick(random *rand.Rand, worker, from, below int) int {
	first := from + (worker-from%c.workers+c.workers)%c.workers
	if first >= below {
		return -1
	}
	return first + c.workers*random.IntN((below-first+c.workers-1)/c.workers)
}

// A namespace and an app in it. In the other namespaces of a team policies look at these two tiers alone.
func (c *churner) choose(random *rand.Rand, worker int) (namespace, app int) {
	app = random.IntN(len(apps))
	selected := c.selectedNamespaces()
	switch {
	case c.localRate < 0:
		namespace = c.pick(random, worker, 0, c.Namespaces)
	case random.Float64() < c.localRate:
		namespace, app = c.pick(random, worker, 0, selected), random.IntN(3)
	default:
		namespace = c.pick(random, worker, selected, c.Namespaces)
	}
	return namespace, app
}

func (c *churner) work(worker int) error {
	random := rand.New(rand.NewPCG(c.Seed, uint64(time.Now().UnixNano())+uint64(worker)))
	for time.Now().Before(c.until) {
		namespace, app := c.choose(random, worker)
		if namespace < 0 {
			return errors.New("--local-rate: there are too few namespaces of that sort for so many workers")
		}
		pods, err := c.list(namespace, app)
		if err != nil {
			return err
		}
		if err := c.change(random, namespace, app, pods); err != nil {
			return err
		}
		if len(pods) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

func (c *churner) run() error {
	failed := make([]error, c.workers)
	var group sync.WaitGroup
	c.pacer.begun = time.Now()
	c.until = c.pacer.begun.Add(c.duration)
	for worker := range c.workers {
		group.Add(1)
		go func() {
			defer group.Done()
			failed[worker] = c.work(worker)
		}()
	}
	group.Wait()
	return errors.Join(failed...)
}

func (c *churner) report() error {
	now := time.Now()
	elapsed := now.Sub(c.pacer.begun).Seconds()
	changes := 0
	for _, one := range []string{"created", "addressed", "finished", "terminating", "deleted", "labelled"} {
		changes += c.counts[one]
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": elapsed, "changes": changes, "rate": float64(changes) / elapsed,
		"behindMs": c.pacer.behind(now).Milliseconds(), "counts": c.counts})
}

func churn(args []string) error {
	c := churner{counts: map[string]int{}}
	flags := churnFlags(&c.churnOptions)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.dir == "" || c.rate <= 0 || c.seconds <= 0 || c.workers <= 0 || c.localRate > 1 {
		return errors.New("--dir is missing, or a number is out of range; see --help")
	}
	var err error
	if c.layout, err = readLayout(c.dir); err != nil {
		return err
	}
	if c.etcd, err = openEtcd(c.dir); err != nil {
		return err
	}
	defer c.etcd.Close()
	c.workers = min(c.workers, c.Namespaces)
	c.duration = time.Duration(c.seconds) * time.Second
	c.pacer.interval = time.Duration(float64(time.Second) / c.rate)
	ran := c.run()
	return errors.Join(ran, c.layout.write(c.dir), c.report())
}
