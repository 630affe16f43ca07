// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

func dialSocket(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}
}

// A connection that can stop without a word: while it is frozen, its lock is held.
type faultConn struct {
	net.Conn
	listener *faultListener
	lock     sync.RWMutex
	frozen   bool
}

func (c *faultConn) pass() {
	c.lock.RLock()
	c.lock.RUnlock() //nolint:staticcheck // it was free: that is all
}

func (c *faultConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.pass()
	return n, err
}

func (c *faultConn) Write(p []byte) (int, error) {
	c.pass()
	return c.Conn.Write(p)
}

func (c *faultConn) Close() error {
	c.listener.forget(c)
	return c.Conn.Close()
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

type faultListener struct {
	net.Listener
	lock       sync.Mutex
	conns      map[*faultConn]bool
	accepted   int
	refused    int
	refuses    bool
	freezesNew bool
}

func newFaultListener(l net.Listener) *faultListener {
	return &faultListener{Listener: l, conns: map[*faultConn]bool{}}
}

func (l *faultListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		reset(conn)
	}
}

func (l *faultListener) admit(conn net.Conn) *faultConn {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.refuses {
		l.refused++
		return nil
	}
	l.accepted++
	c := &faultConn{Conn: conn, listener: l, frozen: l.freezesNew}
	if c.frozen {
		c.lock.Lock()
	}
	l.conns[c] = true
	return c
}

func (l *faultListener) forget(c *faultConn) {
	l.lock.Lock()
	defer l.lock.Unlock()
	delete(l.conns, c)
}

func (l *faultListener) freeze(newOnes bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.freezesNew = newOnes
	for c := range l.conns {
		if !c.frozen {
			c.lock.Lock()
			c.frozen = true
		}
	}
}

// The frozen ones, or all of them.
func (l *faultListener) breakConnections(all bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for c := range l.conns {
		if !all && !c.frozen {
			continue
		}
		reset(c.Conn)
		if c.frozen {
			c.frozen = false
			c.lock.Unlock()
		}
		delete(l.conns, c)
	}
}

func (l *faultListener) setRefuses(refuses bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.refuses = refuses
	if !refuses {
		l.freezesNew = false
	}
}

func (s *faultServer) lift() {
	s.book.lift()
	s.http1.Store(false)
	s.listener.setRefuses(false)
	s.listener.breakConnections(false)
}

func (s *faultServer) state() map[string]any {
	s.book.lock.Lock()
	defer s.book.lock.Unlock()
	s.listener.lock.Lock()
	defer s.listener.lock.Unlock()
	rules := []map[string]any{}
	for _, rule := range s.book.rules {
		rules = append(rules, map[string]any{"line": rule.line, "hits": rule.hits, "armed": rule.armed})
	}
	return map[string]any{"requests": s.book.requests, "protocols": s.book.protocols, "rules": rules,
		"watches": s.watches.counts(), "connections": map[string]int{"open": len(s.listener.conns),
			"accepted": s.listener.accepted, "refused": s.listener.refused}}
}

func (s *faultServer) serveControl(path string) error {
	os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	commands := http.NewServeMux()
	on := func(pattern string, do func()) {
		commands.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.log("--- %s", r.URL.Path)
			do()
		})
	}
	on("POST /lift", s.lift)
	on("POST /break", func() { s.listener.breakConnections(true) })
	on("POST /refuse", func() { s.listener.setRefuses(true) })
	on("POST /http1", func() { s.http1.Store(true) })
	commands.HandleFunc("POST /freeze", func(_ http.ResponseWriter, r *http.Request) {
		s.log("--- freeze")
		s.listener.freeze(r.URL.Query().Get("new") != "")
	})
	commands.HandleFunc("POST /arm", func(w http.ResponseWriter, r *http.Request) {
		lines, err := io.ReadAll(r.Body)
		if err == nil {
			s.log("--- arm\n%s", lines)
			err = s.book.arm(string(lines))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	commands.HandleFunc("POST /inject/{kind}", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		count := s.watches.inject(r.PathValue("kind"), text)
		s.log("--- inject into %d watches of %s: %.120s", count, r.PathValue("kind"), text)
		fmt.Fprintln(w, count)
	})
	commands.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(s.state()) })
	return http.Serve(listener, commands)
}
