// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const years = 10 * 365 * 24 * time.Hour

// Whole or not at all: others wait for some of these files.
func writeFile(path string, content []byte, mode os.FileMode) error {
	part := path + ".part"
	if err := os.WriteFile(part, content, mode); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func decode(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s is not in PEM format", path)
	}
	return block.Bytes, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	der, err := decode(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}

func readCertificate(path string) (*x509.Certificate, error) {
	der, err := decode(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func makeKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeFile(path, encode("EC PRIVATE KEY", der), 0o600)
}

type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (a *authority) sign(name string, template *x509.Certificate, key crypto.PublicKey) error {
	var err error
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return err
	}
	template.NotBefore = time.Now().Add(-time.Hour) // for a client whose clock differs
	template.NotAfter = template.NotBefore.Add(years)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(a.dir, name+".crt"), encode("CERTIFICATE", der), 0o644)
}

func openAuthority(dir string) (*authority, error) {
	path := filepath.Join(dir, "ca")
	a := &authority{dir: dir}
	var err error
	if !exists(path + ".crt") { // written after the key
		if a.key, err = makeKey(path + ".key"); err != nil {
			return nil, err
		}
		a.certificate = &x509.Certificate{
			Subject:               pkix.Name{CommonName: "kubernetes"},
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
			IsCA:                  true,
			BasicConstraintsValid: true,
		}
		if err = a.sign("ca", a.certificate, a.key.Public()); err != nil {
			return nil, err
		}
	}
	if a.certificate, err = readCertificate(path + ".crt"); err != nil {
		return nil, err
	}
	a.key, err = readKey(path + ".key")
	return a, err
}

// Makes NAME.key and NAME.crt.
func (a *authority) issue(name string, subject pkix.Name, usage x509.ExtKeyUsage, hosts ...string) error {
	key, err := makeKey(filepath.Join(a.dir, name+".key"))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject:     subject,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	for _, host := range hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.sign(name, template, key.Public())
}

// The first address of the Services' range belongs to the Service kubernetes.
func hosts(o options) ([]string, error) {
	names := []string{"kubernetes.default.svc", "kubernetes", "kubernetes.default", "kubernetes.default.svc.cluster.local",
		"localhost", "127.0.0.1", "::1", o.bind}
	for _, network := range strings.Split(o.serviceNets, ",") {
		_, parsed, err := net.ParseCIDR(network)
		if err != nil {
			return nil, err
		}
		first := append(net.IP{}, parsed.IP...)
		first[len(first)-1]++
		names = append(names, first.String())
	}
	return names, nil
}

func makeCertificates(o options) error {
	a, err := openAuthority(o.dir)
	if err != nil {
		return err
	}
	names, err := hosts(o)
	if err != nil {
		return err
	}
	server, err := readCertificate(filepath.Join(o.dir, "server.crt"))
	for _, name := range names {
		if err == nil {
			err = server.VerifyHostname(name)
		}
	}
	if err != nil { // there is none, or --bind is another one than at the last start
		if err = a.issue("server", pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth, names...); err != nil {
			return err
		}
	}
	if exists(filepath.Join(o.dir, "admin.crt")) {
		return nil
	}
	admin := pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}}
	return a.issue("admin", admin, x509.ExtKeyUsageClientAuth)
}

func makeServiceAccountKey(dir string) error {
	private, public := filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa.pub")
	if exists(public) { // written last
		return nil
	}
	key, err := makeKey(private)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writeFile(public, encode("PUBLIC KEY", der), 0o644)
}

func makeTokens(dir string) error {
	table := filepath.Join(dir, "tokens.csv")
	if exists(table) { // written last
		return nil
	}
	var lines string
	for _, name := range []string{"catflapd.token", "second-token"} {
		random := make([]byte, 24)
		if _, err := rand.Read(random); err != nil {
			return err
		}
		token := hex.EncodeToString(random)
		if err := writeFile(filepath.Join(dir, name), []byte(token), 0o600); err != nil { // without a newline, as a kubelet does
			return err
		}
		lines += token + `,system:serviceaccount:kube-system:catflapd,catflapd,` +
			`"system:serviceaccounts,system:serviceaccounts:kube-system"` + "\n"
	}
	return writeFile(table, []byte(lines), 0o600)
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: tests
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
%s
contexts:
- name: tests
  context:
    cluster: tests
    user: %s
current-context: tests
`

func makeKubeconfigs(o options) error {
	var failed error
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(o.dir, name))
		failed = errors.Join(failed, err)
		return content
	}
	data := func(name string) string { return base64.StdEncoding.EncodeToString(read(name)) }
	for user, credentials := range map[string]string{
		"admin":    "    client-certificate-data: " + data("admin.crt") + "\n    client-key-data: " + data("admin.key"),
		"catflapd": "    token: " + string(read("catflapd.token")),
	} {
		content := fmt.Sprintf(kubeconfig, serverURL(o), data("ca.crt"), user, credentials, user)
		failed = errors.Join(failed, writeFile(filepath.Join(o.dir, user+".kubeconfig"), []byte(content), 0o600))
	}
	return failed
}

// Makes what is missing; what there is stays good over a restart.
func makeCredentials(o options) error {
	if err := makeCertificates(o); err != nil {
		return err
	}
	if err := makeServiceAccountKey(o.dir); err != nil {
		return err
	}
	if err := makeTokens(o.dir); err != nil {
		return err
	}
	return makeKubeconfigs(o)
}
