// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/pflag"
)

const faultUsage = `A server in front of the API server of DIR, which hands its answers on, and spoils those that it is told to spoil.

Usage: apiserver fault --dir DIR [--listen 127.0.0.1:0] [--through SOCKET] [--control SOCKET]

Writes DIR/fault.kubeconfig for its clients, and DIR/fault.token, their token, which the former names as a file.
Prints a line for each request, and for each time that it spoils an answer. Ends by SIGTERM, or with its parent.

It is told what to do by HTTP on the socket --control (curl --unix-socket SOCKET http://fault/COMMAND):
  POST /arm            rules, a line each, as below; they stay until they are lifted
  POST /lift           forgets all rules, resets what is stalled or frozen, and goes back to HTTP/2
  POST /inject/KIND    writes what is posted into the open watches of the kind, as it is; answers how many these are
  POST /break          resets all connections
  POST /freeze         nothing comes through the connections there are any more, though they stay open; ?new=1: nor
                       through new ones
  POST /refuse         resets every new connection before a byte has come through
  POST /http1          new connections are offered HTTP/1.1 alone
  GET /state           as JSON: how many requests of each kind, connections, and how often each rule did something

A rule: KIND,... VERB,... ACTION [OPTION=VALUE ...]. KIND is a plural as in URLs, or *. VERB is list, page (a list's
later ones), streamed (a watch that begins with all objects), watch, or *. Options of every rule: times=N requests at
most; token=T requests with this token alone; text=, the last one, takes the rest of the line. ACTION is one of

  instead of an answer
    status code=N [retry-after=S] [text=MESSAGE]   a Status
    answer text=BODY                               200, and this
    stall                                          none, ever
  before it
    delay ms=N                                     waits
    limit n=N                                      pages of N objects, where pages are asked for
    ignorant                                       as a server does that does not know sendInitialEvents
  with its head
    goaway                                         GOAWAY to the connection; requests that it has are answered
    gzip, plain                                    the body is compressed here; or nowhere
  in its body, at byte after=N (default: 0)
    cut                                            the request is reset
    end                                            it ends, as if that were all
    hang                                           nothing more comes
    garbage text=BYTES                             this comes in between
    trickle [bytes=1] [us=200]                     not at a byte: all of it comes so many bytes at a time
  with the events of a watch that contain has=TEXT (without blanks)
    drop, duplicate
    reorder                                        each comes after the next one
`

type faultServer struct {
	dir      string
	upstream *url.URL
	client   *http.Transport
	book     *ruleBook
	listener *faultListener
	watches  *openWatches
	http1    atomic.Bool
}

func (s *faultServer) log(format string, arguments ...any) {
	fmt.Printf(timestamp()+" "+format+"\n", arguments...)
}

// The certificate is of the API server's own authority: nothing but the port tells both apart.
func faultCertificate(dir string) (tls.Certificate, error) {
	a, err := openAuthority(dir)
	if err == nil {
		err = a.issue("fault", pkix.Name{CommonName: "fault"}, x509.ExtKeyUsageServerAuth, "localhost", "127.0.0.1", "::1")
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	path := filepath.Join(dir, "fault")
	return tls.LoadX509KeyPair(path+".crt", path+".key")
}

func (s *faultServer) writeKubeconfig() error {
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			s.log("%v", err)
		}
		return content
	}
	token := filepath.Join(s.dir, "fault.token")
	if err := writeFile(token, read("catflapd.token"), 0o600); err != nil {
		return err
	}
	content := fmt.Sprintf(kubeconfig, "https://"+s.listener.Addr().String(), base64.StdEncoding.EncodeToString(read("ca.crt")),
		"catflapd", "    tokenFile: "+token, "catflapd")
	return writeFile(filepath.Join(s.dir, "fault.kubeconfig"), []byte(content), 0o600)
}

// The server that it stands in front of, by its address or by a socket that leads there.
func (s *faultServer) reach(through string) error {
	ready, err := os.ReadFile(filepath.Join(s.dir, "ready"))
	if err != nil {
		return err
	}
	if s.upstream, err = url.Parse(strings.TrimSpace(string(ready))); err != nil {
		return err
	}
	authority, err := os.ReadFile(filepath.Join(s.dir, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	s.client = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	if through != "" {
		s.client.DialContext = dialSocket(through)
	}
	return nil
}

func (s *faultServer) serve(certificate tls.Certificate) error {
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	older := &tls.Config{Certificates: config.Certificates, NextProtos: []string{"http/1.1"}}
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if s.http1.Load() {
			return older, nil
		}
		return nil, nil
	}
	server := &http.Server{Handler: s, TLSConfig: config}
	return server.ServeTLS(s.listener, "", "")
}

func runFault(args []string) error {
	var dir, listen, through, control string
	flags := pflag.NewFlagSet("apiserver fault", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprint(os.Stderr, faultUsage+"\nOptions:\n"+flags.FlagUsages()) }
	flags.StringVar(&dir, "dir", "", "the directory of a running server")
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "where to listen")
	flags.StringVar(&through, "through", "", "a socket that leads to the server, where its address does not")
	flags.StringVar(&control, "control", "", "the socket of the commands (default: DIR/fault.sock)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if dir == "" || flags.NArg() > 0 {
		return errors.New("--dir is needed, and nothing besides options; see --help")
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = dieWithParent()
	}
	if err != nil {
		return err
	}
	s := &faultServer{dir: dir, book: newRuleBook(), watches: newOpenWatches()}
	if err := s.reach(through); err != nil {
		return err
	}
	certificate, err := faultCertificate(dir)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	s.listener = newFaultListener(listener)
	if err := s.writeKubeconfig(); err != nil {
		return err
	}
	if control == "" {
		control = filepath.Join(dir, "fault.sock")
	}
	ended := make(chan error, 2)
	go func() { ended <- s.serve(certificate) }()
	go func() { ended <- s.serveControl(control) }()
	return <-ended
}
