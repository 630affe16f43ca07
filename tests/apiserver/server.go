// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const issuer = "https://kubernetes.default.svc.cluster.local"

func serverURL(o options) string { return "https://" + net.JoinHostPort(o.bind, strconv.Itoa(o.port)) }

// A kubeconfig stays good over a restart, so the port is kept. A new one comes from below the range that the kernel gives
// to outgoing connections: one of these could hold the port when the server comes back.
func choosePort(o *options) error {
	path := filepath.Join(o.dir, "port")
	if old, err := os.ReadFile(path); o.port == 0 && err == nil {
		if o.port, err = strconv.Atoi(strings.TrimSpace(string(old))); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for try := 0; o.port == 0; try++ {
		candidate := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", net.JoinHostPort(o.bind, strconv.Itoa(candidate)))
		if err == nil {
			listener.Close()
			o.port = candidate
		} else if try == 100 {
			return err
		}
	}
	return writeFile(path, []byte(strconv.Itoa(o.port)+"\n"), 0o644)
}

func kubeApiserverArguments(o options) []string {
	file := func(name string) string { return filepath.Join(o.dir, name) }
	own := []string{
		"--etcd-servers=" + etcdURL(o.dir),
		"--bind-address=" + o.bind,
		"--secure-port=" + strconv.Itoa(o.port),
		"--advertise-address=" + o.bind,
		"--endpoint-reconciler-type=none", // a loopback address may not be an endpoint
		"--service-cluster-ip-range=" + o.serviceNets,
		"--tls-cert-file=" + file("server.crt"),
		"--tls-private-key-file=" + file("server.key"),
		"--client-ca-file=" + file("ca.crt"),
		"--token-auth-file=" + file("tokens.csv"),
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + file("sa.pub"),
		"--service-account-signing-key-file=" + file("sa.key"),
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--profiling=false",
	}
	return append(own, o.passed...)
}

// Returns when the server has ended, after a SIGTERM or because of an error.
func runKubeApiserver(o options) error {
	command := app.NewAPIServerCommand()
	command.SetArgs(kubeApiserverArguments(o))
	command.SetOut(io.Discard)
	return cli.RunNoErrOutput(command)
}

func adminClient(dir string) (*http.Client, error) {
	authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	admin, err := tls.LoadX509KeyPair(filepath.Join(dir, "admin.crt"), filepath.Join(dir, "admin.key"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}, nil
}

func get(client *http.Client, address string) ([]byte, error) {
	response, err := client.Get(address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status + ": " + strings.TrimSpace(string(body)))
	}
	return body, err
}

// Ready is /readyz, and the namespaces that every cluster has: the server makes them a little later.
func waitReady(limited context.Context, o options) error {
	client, err := adminClient(o.dir)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	wanted := []string{"/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system"}
	for len(wanted) > 0 {
		if _, err = get(client, serverURL(o)+wanted[0]); err == nil {
			wanted = wanted[1:]
			continue
		}
		select {
		case <-limited.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
