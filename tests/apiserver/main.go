// SPDX-License-Identifier: Apache-2.0

// A real Kubernetes API server for the tests: kube-apiserver and etcd in one process, on one address of this machine,
// with certificates, tokens and kubeconfigs made at the first start. There is no controller manager, no scheduler and no
// kubelet: what a test puts in is what is there. `apiserver --help` describes the interface, cluster.sh drives it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

const usage = `A Kubernetes API server with its own etcd, for tests.

Usage: apiserver --dir DIR [OPTION...] [-- KUBE-APISERVER-FLAG...]
       apiserver token --dir DIR --namespace N --serviceaccount S [--lifetime 5s]
       apiserver fill --dir DIR [--pods 100000] [--namespaces 2000] [--policies 10000] [--node n1] [--local 250] [...]
       apiserver churn --dir DIR [--rate 150] [--seconds 60] [--local-rate SHARE] [...]
       apiserver fault --dir DIR [--listen 127.0.0.1:0] [...]

Runs in the foreground until SIGTERM, which ends it within a second, or until its parent dies.
SIGUSR1 compacts etcd up to the newest revision. Watches from older ones then end with "410 Gone" under
--watch-cache=false; the watch cache still serves them, but a restart empties it.
Standard error carries the reason if it cannot start; every log goes to DIR/apiserver.log.
A second start with the same DIR goes on with the same data, certificates, tokens and port.

Files in DIR:
  ready                 exists while the server is ready; holds its URL
  port                  the port, which later starts with --port 0 use again
  ca.crt, ca.key        the authority of all certificates here
  admin.kubeconfig      a client certificate of system:masters; also as admin.crt and admin.key
  catflapd.kubeconfig   the token below; no rights until RBAC objects grant them
  catflapd.token        of the user system:serviceaccount:kube-system:catflapd
  second-token          another token of the same user
  tokens.csv            both of them, and what is added to it by hand: token,user,uid,"group,group"; read at a start
  sa.key, sa.pub        sign and verify the tokens of TokenRequest (kubectl create token)
  apiserver.log         what kube-apiserver and etcd have to say
  layout.json           what fill has made, for churn
  etcd/                 the data, not synced to disk

The command token prints a token of a service account, which must exist. Unlike TokenRequest it allows lifetimes of less
than ten minutes. The server remembers a good token for ten seconds: up to so much longer than its lifetime it is good.

The command fill writes a cluster of that size into the running server's etcd, which is a hundred times as fast as by the
API: Namespaces, Nodes, NetworkPolicies, Pods of Deployments and Jobs, Services, EndpointSlices. Prints as JSON what it wrote,
and the pods of --node with their addresses. Once per DIR; fill --help has all options.

The command churn then changes pods of the other nodes at a steady rate: rolling restarts (a pod is created, gets an address,
the old one is marked as deleted, and goes), Jobs' pods that finish and are followed by others, labels. Each of these steps is
one change, and one event of every watch. It writes into etcd, too: by the API each change would cost this server ten
milliseconds of CPU (it merges managedFields), on the machine of what is measured. Prints what it did as JSON.

The command fault stands in front of the running server, and spoils those of its answers that it is told to spoil; fault --help
has all that it can do.

Options:
`

type options struct {
	dir         string
	bind        string
	port        int
	serviceNets string
	startLimit  time.Duration
	passed      []string // kube-apiserver's own flags
}

// What kube-apiserver has by the same name, for those that tests vary most often.
var passedOn = []struct{ name, help string }{
	{"watch-cache", "serve lists and watches from memory (default true)"},
	{"feature-gates", "NAME=true|false,...: for example WatchList=false"},
	{"etcd-compaction-interval", "how often old revisions are forgotten (default 5m)"},
	{"enable-admission-plugins", "more than the default ones"},
	{"disable-admission-plugins", "fewer than the default ones; ServiceAccount, which needs a controller, is always disabled"},
}

func parse(args []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("apiserver", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage+flags.FlagUsages()) }
	flags.StringVar(&o.dir, "dir", "", "where everything is kept; made if it is missing")
	flags.StringVar(&o.bind, "bind", "127.0.0.1", "the address to listen on")
	flags.IntVar(&o.port, "port", 0, "the port to listen on; 0: that of the last start, else a free one")
	flags.StringVar(&o.serviceNets, "service-cluster-ip-range", "10.96.0.0/12,fd96::/112", "where Services get addresses")
	flags.DurationVar(&o.startLimit, "start-limit", time.Minute, "give up if it is not ready after this time")
	for _, flag := range passedOn {
		flags.String(flag.name, "", flag.help)
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	disabled := "ServiceAccount"
	for _, flag := range passedOn {
		value := flags.Lookup(flag.name).Value.String()
		switch {
		case !flags.Changed(flag.name):
		case flag.name == "disable-admission-plugins":
			disabled += "," + value
		default:
			o.passed = append(o.passed, "--"+flag.name+"="+value)
		}
	}
	o.passed = append(append(o.passed, "--disable-admission-plugins="+disabled), flags.Args()...)
	if o.dir == "" {
		return o, errors.New("--dir is missing; see --help")
	}
	if o.port < 0 || o.port > 65535 {
		return o, fmt.Errorf("there is no port %d", o.port)
	}
	if flags.NArg() > 0 && flags.ArgsLenAtDash() != 0 {
		return o, fmt.Errorf("unexpected argument %q; kube-apiserver's own flags follow after --", flags.Arg(0))
	}
	absolute, err := filepath.Abs(o.dir)
	o.dir = absolute
	return o, err
}

// A test that is killed leaves nothing behind. The kernel ties this to the thread that asked, so that is the main one.
func dieWithParent() error {
	runtime.LockOSThread()
	parent := os.Getppid()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() != parent {
		return errors.New("the parent is dead already")
	}
	return nil
}

// Sends everything that is written to standard error from here on, a crash's traces too, to the log; returns the old one.
func divertLog(path string) (*os.File, error) {
	console, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(console), "console"), unix.Dup3(int(log.Fd()), 2, 0)
}

// Two servers on one etcd directory would wait for each other.
func lock(dir string) error {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3) // one that no finalizer closes
	if err != nil {
		return err
	}
	if err := unix.Flock(descriptor, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another API server runs in %s", dir)
	}
	return nil
}

func run(o options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	if err := lock(o.dir); err != nil {
		return err
	}
	readyFile := filepath.Join(o.dir, "ready")
	os.Remove(readyFile)
	defer os.Remove(readyFile)
	if err := choosePort(&o); err != nil {
		return err
	}
	if err := makeCredentials(o); err != nil {
		return err
	}
	etcd, err := startEtcd(o.dir)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGUSR1)
	ended := make(chan error, 1)
	go func() { ended <- runKubeApiserver(o) }()
	ready := make(chan error, 1)
	started, cancel := context.WithTimeout(context.Background(), o.startLimit)
	defer cancel()
	go func() { ready <- waitReady(started, o) }()

	var deadline <-chan time.Time
	for {
		select {
		case got := <-signals:
			if got == unix.SIGUSR1 {
				if err := compact(etcd); err != nil {
					klog.Errorf("compaction: %v", err)
				}
				continue
			}
			// kube-apiserver has received it as well. It waits a minute for its own watches, which is too long here.
			os.Remove(readyFile)
			deadline = time.After(500 * time.Millisecond)
		case err := <-ready:
			if err != nil && deadline == nil {
				return fmt.Errorf("not ready after %s: %w", o.startLimit, err)
			}
			if err == nil {
				if err := writeFile(readyFile, []byte(serverURL(o)+"\n"), 0o644); err != nil {
					return err
				}
			}
		case err := <-ended:
			if deadline != nil {
				return nil
			}
			return fmt.Errorf("kube-apiserver has ended: %w", err)
		case <-deadline:
			return nil
		}
	}
}

func main() {
	fail := func(where *os.File, err error) {
		fmt.Fprintf(where, "apiserver: %v\n", err)
		os.Exit(1)
	}
	commands := map[string]func([]string) error{"token": printToken, "fill": fill, "churn": churn,
		"fault": runFault}
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		if err := commands[os.Args[1]](os.Args[2:]); err != nil && !errors.Is(err, pflag.ErrHelp) {
			fail(os.Stderr, err)
		}
		return
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err == nil {
		err = dieWithParent()
	}
	if err == nil {
		err = os.MkdirAll(o.dir, 0o755)
	}
	if err != nil {
		fail(os.Stderr, err)
	}
	log := filepath.Join(o.dir, "apiserver.log")
	console, err := divertLog(log)
	if err != nil {
		fail(os.Stderr, err)
	}
	klog.OsExit = func(status int) { // of klog.Fatal
		fmt.Fprintf(console, "apiserver: a fatal error; see the end of %s\n", log)
		os.Exit(status)
	}
	if err := run(o); err != nil {
		klog.Flush()
		fail(console, fmt.Errorf("%w; see %s", err, log))
	}
	klog.Flush()
}
