// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// What a client asks for.
type ask struct {
	kind, verb, token string
}

func (a ask) String() string { return a.kind + " " + a.verb }

func classify(r *http.Request) ask {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	a := ask{kind: parts[len(parts)-1], verb: "list", token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	query := r.URL.Query()
	switch watch := query.Get("watch"); {
	case (watch == "1" || watch == "true") && query.Get("sendInitialEvents") == "true":
		a.verb = "streamed"
	case watch == "1" || watch == "true":
		a.verb = "watch"
	case query.Get("continue") != "":
		a.verb = "page"
	}
	return a
}

// One rule, as faultUsage describes it.
type faultRule struct {
	line         string
	kinds, verbs []string
	action       string
	numbers      map[string]int
	token, has   string
	text         string
	left         int // requests that it still takes; negative: all
	hits         int // how often it did something
	armed        bool
}

// Each action, and the numbers that it takes with their defaults.
var faultActions = map[string]map[string]int{
	"status": {"code": 500, "retry-after": 0}, "answer": {}, "stall": {},
	"delay": {"ms": 0}, "limit": {"n": 2}, "ignorant": {}, "goaway": {}, "gzip": {}, "plain": {},
	"cut": {"after": 0}, "end": {"after": 0}, "hang": {"after": 0}, "garbage": {"after": 0},
	"trickle": {"bytes": 1, "us": 200}, "drop": {}, "duplicate": {}, "reorder": {},
}

func parseRule(line string) (*faultRule, error) {
	line = strings.TrimSpace(line)
	head, text, _ := strings.Cut(line, " text=")
	words := strings.Fields(head)
	if len(words) < 3 {
		return nil, errors.New("a rule is KIND VERB ACTION [OPTION=VALUE ...]")
	}
	rule := &faultRule{line: line, kinds: strings.Split(words[0], ","), verbs: strings.Split(words[1], ","), action: words[2],
		text: text, left: -1, armed: true, numbers: map[string]int{}}
	for _, verb := range rule.verbs {
		if !slices.Contains([]string{"*", "list", "page", "streamed", "watch"}, verb) {
			return nil, fmt.Errorf("%q: no verb %q", line, verb)
		}
	}
	known, ok := faultActions[rule.action]
	if !ok {
		return nil, fmt.Errorf("%q: no action %q", line, rule.action)
	}
	for name, value := range known {
		rule.numbers[name] = value
	}
	for _, word := range words[3:] {
		if err := rule.take(word); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return rule, nil
}

func (rule *faultRule) take(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "token":
		rule.token = value
		return nil
	case "has":
		rule.has = value
		return nil
	}
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 {
		return fmt.Errorf("%s is no number", word)
	}
	if name == "times" {
		rule.left = number
		return nil
	}
	if _, ok := rule.numbers[name]; !ok {
		return fmt.Errorf("%s has no option %s", rule.action, name)
	}
	rule.numbers[name] = number
	return nil
}

func (rule *faultRule) takes(a ask) bool {
	matches := func(list []string, one string) bool { return slices.Contains(list, "*") || slices.Contains(list, one) }
	return rule.armed && rule.left != 0 && matches(rule.kinds, a.kind) && matches(rule.verbs, a.verb) &&
		(rule.token == "" || rule.token == a.token)
}

// All rules there ever were, and what was asked.
type ruleBook struct {
	lock      sync.Mutex
	rules     []*faultRule
	requests  map[string]int
	protocols map[string]int
	lifted    chan struct{} // closed when the rules are
}

func newRuleBook() *ruleBook {
	return &ruleBook{requests: map[string]int{}, protocols: map[string]int{}, lifted: make(chan struct{})}
}

// All of them, or none.
func (b *ruleBook) arm(lines string) error {
	var rules []*faultRule
	for _, line := range strings.Split(lines, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		rule, err := parseRule(line)
		if err != nil {
			return err
		}
		rules = append(rules, rule)
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.rules = append(b.rules, rules...)
	return nil
}

func (b *ruleBook) lift() {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, rule := range b.rules {
		rule.armed = false
	}
	close(b.lifted)
	b.lifted = make(chan struct{})
}

// Counts a request. Returns the rules for it, and what is closed when they are lifted.
func (b *ruleBook) take(a ask, protocol string) ([]*faultRule, <-chan struct{}) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.requests[a.String()]++
	b.protocols[protocol]++
	var taken []*faultRule
	for _, rule := range b.rules {
		if !rule.takes(a) {
			continue
		}
		rule.left--
		taken = append(taken, rule)
	}
	return taken, b.lifted
}

func (b *ruleBook) hit(rule *faultRule) {
	b.lock.Lock()
	defer b.lock.Unlock()
	rule.hits++
}

func find(rules []*faultRule, actions ...string) *faultRule {
	for _, rule := range rules {
		if slices.Contains(actions, rule.action) {
			return rule
		}
	}
	return nil
}
