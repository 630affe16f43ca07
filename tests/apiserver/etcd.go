// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
)

// A socket in the directory needs no port, and nobody else on the machine reaches it.
func etcdURL(dir string) string { return "unix://" + filepath.Join(dir, "etcd.sock") }

func startEtcd(dir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Name = "tests"
	config.Dir = filepath.Join(dir, "etcd")
	config.UnsafeNoFsync = true // a crash of the machine loses what tests can make again
	config.LogLevel = "error"   // on a busy machine it warns of every request
	config.LogOutputs = []string{"stderr"}
	client, peer := etcdURL(dir), "unix://"+filepath.Join(dir, "peer.sock")
	if length := len(dir + "/peer.sock.lock"); length > 107 {
		return nil, fmt.Errorf("the path %s is too long for a socket in it", dir)
	}
	config.ListenClientUrls = []url.URL{mustParse(client)}
	config.ListenPeerUrls = []url.URL{mustParse(peer)}
	// What it tells other members; there is none, but etcd insists on a host and a port here.
	config.AdvertiseClientUrls = []url.URL{mustParse("http://127.0.0.1:2379")}
	config.AdvertisePeerUrls = []url.URL{mustParse("http://127.0.0.1:2380")}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, err
	case <-time.After(30 * time.Second):
		return nil, errors.New("no leader within 30 seconds")
	}
}

func mustParse(text string) url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return *parsed
}

// Forgets everything that is not the newest state.
func compact(etcd *embed.Etcd) error {
	limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request := &etcdserverpb.CompactionRequest{Revision: etcd.Server.KV().Rev(), Physical: true}
	_, err := etcd.Server.Compact(limited, request)
	return err
}
