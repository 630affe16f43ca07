// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var (
	errCut = errors.New("cut off")
	errEnd = errors.New("that is all")
)

// A body on its way to the client. What a rule does at a byte, it does to the bytes before they are compressed.
type faultBody struct {
	exchange *exchange
	breaks   *faultRule // cut, end, hang, garbage; nil: nothing more will happen
	trickle  *faultRule
	zip      *gzip.Writer
	sent     int
}

func newFaultBody(e *exchange) *faultBody {
	b := &faultBody{exchange: e, breaks: find(e.rules, "cut", "end", "hang", "garbage"), trickle: find(e.rules, "trickle")}
	if rule := find(e.rules, "gzip"); rule != nil {
		e.hit(rule)
		e.w.Header().Set("Content-Encoding", "gzip")
		b.zip = gzip.NewWriter(e.w)
	}
	if b.trickle != nil {
		e.hit(b.trickle)
	}
	return b
}

func (b *faultBody) close() {
	if b.zip != nil {
		b.zip.Close()
	}
}

func (b *faultBody) flush() { http.NewResponseController(b.exchange.w).Flush() }

// Into the compressor, if there is one, and on to the client at once.
func (b *faultBody) emit(part []byte) error {
	var err error
	if b.zip == nil {
		_, err = b.exchange.w.Write(part)
	} else if _, err = b.zip.Write(part); err == nil {
		err = b.zip.Flush()
	}
	b.flush()
	return err
}

func (b *faultBody) pass(bytes []byte) error {
	b.sent += len(bytes)
	if b.trickle == nil {
		return b.emit(bytes)
	}
	for len(bytes) > 0 {
		part := min(max(b.trickle.numbers["bytes"], 1), len(bytes))
		if err := b.emit(bytes[:part]); err != nil {
			return err
		}
		bytes = bytes[part:]
		time.Sleep(time.Duration(b.trickle.numbers["us"]) * time.Microsecond)
	}
	return nil
}

func (b *faultBody) Write(bytes []byte) (int, error) {
	rule := b.breaks
	if rule == nil || b.sent+len(bytes) <= rule.numbers["after"] {
		return len(bytes), b.pass(bytes)
	}
	before := rule.numbers["after"] - b.sent
	if err := b.pass(bytes[:before]); err != nil {
		return before, err
	}
	b.breaks = nil
	b.exchange.hit(rule)
	switch rule.action {
	case "cut":
		return before, errCut
	case "end":
		return before, errEnd
	case "hang":
		b.exchange.hold()
		return before, errCut
	}
	if err := b.emit([]byte(rule.text)); err != nil {
		return before, err
	}
	return len(bytes), b.pass(bytes[before:])
}

// What a watch's client gets instead of an event: none, one, or several.
func (e *exchange) edit(event []byte, held *[]byte) [][]byte {
	for _, rule := range e.rules {
		if !bytes.Contains(event, []byte(rule.has)) {
			continue
		}
		switch rule.action {
		case "drop":
			e.hit(rule)
			return nil
		case "ignorant": // a newer server marks the end of its own accord, where no version is asked for
			if bytes.Contains(event, []byte("k8s.io/initial-events-end")) {
				return nil
			}
		case "duplicate":
			e.hit(rule)
			return [][]byte{event, event}
		case "reorder":
			if *held == nil {
				*held = event
				return nil
			}
		}
	}
	if first := *held; first != nil {
		*held = nil
		e.hit(find(e.rules, "reorder"))
		return [][]byte{event, first}
	}
	return [][]byte{event}
}

// Events are lines of their own, so others can come in between.
func (e *exchange) copyWatch(to *faultBody, from io.Reader) error {
	events := make(chan []byte)
	var failure error // of reading; set before the channel is closed
	go func() {
		defer close(events)
		reader := bufio.NewReader(from)
		for {
			line, err := reader.ReadBytes('\n')
			if len(line) > 0 {
				select {
				case events <- line:
				case <-e.r.Context().Done():
					return
				}
			}
			if err != nil {
				if err != io.EOF {
					failure = err
				}
				return
			}
		}
	}()
	injected := e.server.watches.open(e.ask.kind)
	defer e.server.watches.close(e.ask.kind, injected)
	var held []byte
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return failure
			}
			for _, one := range e.edit(event, &held) {
				if _, err := to.Write(one); err != nil {
					return err
				}
			}
		case text := <-injected:
			if _, err := to.Write(text); err != nil {
				return err
			}
		case <-e.r.Context().Done():
			return e.r.Context().Err()
		}
	}
}

// The watches that are under way, by kind: into which something can be written.
type openWatches struct {
	lock   sync.Mutex
	byKind map[string][]chan []byte
}

func newOpenWatches() *openWatches { return &openWatches{byKind: map[string][]chan []byte{}} }

func (o *openWatches) open(kind string) chan []byte {
	o.lock.Lock()
	defer o.lock.Unlock()
	channel := make(chan []byte, 16)
	o.byKind[kind] = append(o.byKind[kind], channel)
	return channel
}

func (o *openWatches) close(kind string, channel chan []byte) {
	o.lock.Lock()
	defer o.lock.Unlock()
	for i, one := range o.byKind[kind] {
		if one == channel {
			o.byKind[kind] = append(o.byKind[kind][:i:i], o.byKind[kind][i+1:]...)
		}
	}
}

func (o *openWatches) inject(kind string, text []byte) int {
	o.lock.Lock()
	defer o.lock.Unlock()
	for _, channel := range o.byKind[kind] {
		channel <- text
	}
	return len(o.byKind[kind])
}

func (o *openWatches) counts() map[string]int {
	o.lock.Lock()
	defer o.lock.Unlock()
	counts := map[string]int{}
	for kind, channels := range o.byKind {
		counts[kind] = len(channels)
	}
	return counts
}
