// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/serviceaccount"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A server takes an expired token for another minute, for the sake of clocks that differ.
const leeway = time.Minute

// The API refuses lifetimes of less than ten minutes, so this signs by itself what the server would.
func printToken(args []string) error {
	var dir, namespace, name string
	var lifetime time.Duration
	flags := pflag.NewFlagSet("apiserver token", pflag.ContinueOnError)
	flags.StringVar(&dir, "dir", "", "the directory of a running server")
	flags.StringVar(&namespace, "namespace", "kube-system", "the service account's namespace")
	flags.StringVar(&name, "serviceaccount", "", "its name")
	flags.DurationVar(&lifetime, "lifetime", time.Minute, "how long the token is good")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if dir == "" || name == "" {
		return errors.New("--dir and --serviceaccount are needed; see --help")
	}
	server, err := os.ReadFile(filepath.Join(dir, "ready"))
	if err != nil {
		return err
	}
	client, err := adminClient(dir)
	if err != nil {
		return err
	}
	body, err := get(client, strings.TrimSpace(string(server))+"/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name)
	if err != nil {
		return err
	}
	var account struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(body, &account); err != nil {
		return err
	}
	key, err := readKey(filepath.Join(dir, "sa.key"))
	if err != nil {
		return err
	}
	generator, err := serviceaccount.JWTTokenGenerator(issuer, key)
	if err != nil {
		return err
	}
	public, private, err := serviceaccount.Claims(core.ServiceAccount{ObjectMeta: account.Metadata}, nil, nil, nil,
		int64((lifetime-leeway)/time.Second), 0, []string{issuer})
	if err != nil {
		return err
	}
	token, err := generator.GenerateToken(context.Background(), public, private)
	if err == nil {
		fmt.Print(token)
	}
	return err
}
