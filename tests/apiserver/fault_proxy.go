// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

func timestamp() string { return time.Now().Format("15:04:05.000") }

// One request, and what is done to its answer.
type exchange struct {
	server *faultServer
	ask    ask
	rules  []*faultRule
	lifted <-chan struct{}
	w      http.ResponseWriter
	r      *http.Request
}

func (s *faultServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{server: s, ask: classify(r), w: w, r: r}
	e.rules, e.lifted = s.book.take(e.ask, r.Proto)
	s.log("%s %s", e.ask, r.Proto)
	if e.isAnsweredHere() {
		return
	}
	if err := e.forward(); err != nil {
		s.log("%s: aborted: %v", e.ask, err)
		panic(http.ErrAbortHandler)
	}
}

func (e *exchange) hit(rule *faultRule) {
	e.server.book.hit(rule)
	e.server.log("%s: %.120s", e.ask, rule.line)
}

// Until the rules are lifted, or the client has gone.
func (e *exchange) hold() {
	select {
	case <-e.lifted:
	case <-e.r.Context().Done():
	}
}

func (e *exchange) isAnsweredHere() bool {
	if rule := find(e.rules, "delay"); rule != nil {
		e.hit(rule)
		time.Sleep(time.Duration(rule.numbers["ms"]) * time.Millisecond)
	}
	rule := find(e.rules, "status", "answer", "stall")
	if rule == nil {
		return false
	}
	e.hit(rule)
	e.w.Header().Set("Content-Type", "application/json")
	switch rule.action {
	case "status":
		e.refuse(rule)
	case "answer":
		io.WriteString(e.w, rule.text)
	default:
		e.hold()
		panic(http.ErrAbortHandler)
	}
	return true
}

func (e *exchange) refuse(rule *faultRule) {
	code := rule.numbers["code"]
	message := rule.text
	if message == "" {
		message = "the test says so"
	}
	status := map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
	if seconds := rule.numbers["retry-after"]; seconds > 0 {
		e.w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	e.w.WriteHeader(code)
	json.NewEncoder(e.w).Encode(status)
}

// The request as the API server gets it.
func (e *exchange) request() *http.Request {
	out := e.r.Clone(e.r.Context())
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = e.server.upstream.Scheme, e.server.upstream.Host, "", ""
	query := out.URL.Query()
	if rule := find(e.rules, "limit"); rule != nil && query.Has("limit") {
		e.hit(rule)
		query.Set("limit", strconv.Itoa(rule.numbers["n"]))
	}
	if rule := find(e.rules, "ignorant"); rule != nil && query.Has("sendInitialEvents") {
		e.hit(rule)
		query.Del("sendInitialEvents")
		query.Del("resourceVersionMatch")
	}
	out.URL.RawQuery = query.Encode()
	// What is changed here has to be readable. Without any such header the transport would ask for gzip by itself.
	if e.changesBody() {
		out.Header.Set("Accept-Encoding", "identity")
	}
	return out
}

func (e *exchange) watches() bool { return e.ask.verb == "watch" || e.ask.verb == "streamed" }

func (e *exchange) changesBody() bool {
	return e.watches() || find(e.rules, "gzip", "plain", "cut", "end", "hang", "garbage", "trickle") != nil
}

// An error: the client is to see that not all of it came.
func (e *exchange) forward() error {
	answer, err := e.server.client.RoundTrip(e.request())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	header := e.w.Header()
	for name, values := range answer.Header {
		header[name] = values
	}
	header.Del("Content-Length")
	if rule := find(e.rules, "goaway"); rule != nil {
		e.hit(rule)
		header.Set("Connection", "close") // Go's HTTP/2 makes GOAWAY of it
	}
	body := newFaultBody(e)
	defer body.close()
	e.w.WriteHeader(answer.StatusCode)
	body.flush()
	if answer.StatusCode == http.StatusOK && e.watches() {
		err = e.copyWatch(body, answer.Body)
	} else {
		_, err = io.Copy(body, answer.Body)
	}
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}
