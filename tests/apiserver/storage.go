// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
)

// As the server stores: it would read JSON, too, but needs several times as long for it.
var storage = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

func store(object runtime.Object) ([]byte, error) {
	var content bytes.Buffer
	err := storage.Encode(object, &content)
	return content.Bytes(), err
}

func unstore(content []byte, into runtime.Object) error {
	_, _, err := storage.Decode(content, nil, into)
	return err
}

func openEtcd(dir string) (*clientv3.Client, error) {
	if !exists(filepath.Join(dir, "ready")) {
		return nil, fmt.Errorf("no API server runs in %s", dir)
	}
	klog.LogToStderr(false) // grpc tells there of every connection that it gives up
	klog.SetOutput(io.Discard)
	return clientv3.New(clientv3.Config{Endpoints: []string{etcdURL(dir)}, DialTimeout: 10 * time.Second})
}
