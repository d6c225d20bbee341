//go:build integration

package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// The steps, as they are called in the table.
const (
	coldStart    = "cold start"
	change       = "change"
	overrideGone = "override gone"
	restart      = "restart"
	secondNode   = "second node"
	failover     = "failover"
	outage       = "outage"
)

// steps are all steps in the order in which a combination takes them.
func steps() []string {
	return []string{coldStart, change, overrideGone, restart, secondNode, failover, outage}
}

// cell is one combination of a store and an upstream.
type cell struct {
	image   string
	storage storage
	api     *api
	nodes   []*proxy
	at      revision // what the nodes serve, once they served anything
}

func newCell(t *testing.T, image string, s storage, u upstream) *cell {
	t.Helper()
	c := &cell{image: image, storage: s, api: u.start(t), at: revision{number: 1}}
	c.api.serve(t, c.at)
	return c
}

func (c *cell) run(t *testing.T, r *row) {
	r.step(t, coldStart, c.coldStart)
	r.step(t, change, c.change)
	r.step(t, overrideGone, c.overrideGone)
	r.step(t, restart, c.restart)
	if c.storage.shared {
		r.step(t, secondNode, c.secondNode)
	}
	if c.storage.sentinels != nil {
		r.step(t, failover, c.failover)
	}
	r.step(t, outage, c.outage)
}

// newNode starts a new container on the cell's storage.
func (c *cell) newNode(t *testing.T) *proxy {
	t.Helper()
	return startProxy(t, c.image, c.storage, c.api.URL(0)+"/api/v1")
}

func (c *cell) coldStart(t *testing.T) {
	node := c.newNode(t)
	c.nodes = append(c.nodes, node)
	c.becomes(t, c.at, withoutDocument)
	if a := node.ask(t, http.MethodGet, "/api/v1/environment-document/", clientKey, ""); a.status != http.StatusUnauthorized {
		t.Errorf("the document with a client-side key: %d", a.status)
	}
	if a := node.ask(t, http.MethodGet, "/api/v1/flags/", "nobody", ""); a.status != http.StatusUnauthorized {
		t.Errorf("flags with an unknown key: %d", a.status)
	}
}

func (c *cell) change(t *testing.T) {
	c.changeTo(t, c.at.next())
}

func (c *cell) overrideGone(t *testing.T) {
	next := c.at.next()
	next.orphaned = true
	c.changeTo(t, next)
	c.api.awaitPolls(t, 2)
	c.serves(t)
	c.api.checkPolls(t)
}

// changeTo changes the document at upstream and waits until the nodes serve it.
func (c *cell) changeTo(t *testing.T, r revision) {
	t.Helper()
	c.api.change(t, r)
	c.becomes(t, r, nil)
}

// restart: what was stored is served again, and upstream asked whether it is
// still right; without a store the document is fetched again.
func (c *cell) restart(t *testing.T) {
	c.awaitStored(t)
	asked := len(c.api.polls())
	c.nodes[0].restart(t)
	c.becomes(t, c.at, withoutDocument)
	if !c.storage.durable {
		return
	}
	if source := c.nodes[0].source(c.at); source != "store" {
		t.Errorf("after the restart the document is from %q", source)
	}
	c.api.checkFirstPoll(t, asked, c.at)
}

// secondNode: both serve what one of them fetched. On a machine that is too busy
// the lease may run out during a fetch, and then both fetch, but not every time.
func (c *cell) secondNode(t *testing.T) {
	c.nodes = append(c.nodes, c.newNode(t))
	c.becomes(t, c.at, withoutDocument)
	const attempts = 5
	for range attempts {
		c.changeTo(t, c.at.next())
		for _, node := range c.nodes {
			if node.source(c.at) == "store" {
				return
			}
		}
	}
	t.Errorf("of %d changes both nodes fetched all", attempts)
}

// failover: the change that upstream has meanwhile is served, and is stored once
// there is a new master, from which the nodes have the next one.
func (c *cell) failover(t *testing.T) {
	d := c.storage.sentinels
	awaitReplica(t, d)
	former := d.Master(t)
	former.Kill(t)
	c.changeTo(t, c.at.next())
	d.AwaitFailover(t, former)
	c.awaitStored(t)
	c.changeTo(t, c.at.next())
	former.Start(t)
}

// awaitReplica waits until the server that is not the master follows it.
func awaitReplica(t *testing.T, d *rediscontainers.Deployment) {
	t.Helper()
	master := d.Master(t)
	for _, server := range d.Servers {
		if server == master {
			continue
		}
		wait.ForSuccess(t, patience, "replica", func() error {
			info := server.Command(t, "INFO", "replication")
			if !strings.Contains(info, "master_link_status:up") {
				return errors.New("not connected to its master")
			}
			return nil
		})
	}
}

// outage: a node serves on without upstream. One that dies meanwhile is replaced
// by one that serves what was stored, and otherwise tells that it has nothing.
func (c *cell) outage(t *testing.T) {
	c.awaitStored(t)
	c.api.Stop(t)
	c.awaitFailedPoll(t)
	c.serves(t)

	c.nodes[0].kill(t)
	c.nodes[0] = c.newNode(t)
	meanwhile := withoutDocument
	if c.storage.durable {
		c.becomes(t, c.at, withoutDocument)
		meanwhile = nil
	} else {
		c.awaitFailedPoll(t)
		if err := withoutDocument(c.nodes[0].ask(t, http.MethodGet, "/api/v1/flags/", clientKey, "")); err != nil {
			t.Error(err)
		}
		if a := c.nodes[0].ask(t, http.MethodGet, "/proxy/health/readiness", "", ""); a.status != http.StatusServiceUnavailable {
			t.Errorf("ready without a document: %d %s", a.status, a.body)
		}
	}

	next := c.at.next()
	c.api.change(t, next)
	c.api.Resume(t)
	c.becomes(t, next, meanwhile)
}

// awaitFailedPoll waits until one of the nodes polled without success once more.
func (c *cell) awaitFailedPoll(t *testing.T) {
	t.Helper()
	failed := func() (n int) {
		for _, node := range c.nodes {
			n += len(node.events("error_fetching_document"))
		}
		return n
	}
	before := failed()
	wait.ForSuccess(t, patience, "poll to fail", func() error {
		if failed() == before {
			return errors.New("none did")
		}
		return nil
	})
}

// awaitStored waits until the store has what the nodes serve.
func (c *cell) awaitStored(t *testing.T) {
	t.Helper()
	switch {
	case c.storage.shared:
		wait.ForSuccess(t, patience, "document in the store", func() error {
			stored, err := c.nodes[0].stored()
			if err != nil {
				return err
			}
			return same(stored, c.at.document())
		})
	case c.storage.durable:
		c.api.awaitPolls(t, 2)
	}
}

// withoutDocument checks an answer about a configured environment that has no
// document yet.
func withoutDocument(a answer) error {
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, `"unavailable"`) {
		return fmt.Errorf("without a document: %d, Retry-After %q, %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	return nil
}

// becomes waits until all nodes serve r. Until then a node serves what it did
// before; meanwhile judges other answers, which fail the test where it is nil.
func (c *cell) becomes(t *testing.T, r revision, meanwhile func(answer) error) {
	t.Helper()
	for i, node := range c.nodes {
		wait.ForSuccess(t, patience, fmt.Sprintf("revision %d from node %d", r.number, i), func() error {
			a := node.ask(t, http.MethodGet, "/api/v1/flags/", clientKey, "")
			former := a.status == http.StatusOK && a.body == c.at.flags()
			switch {
			case a.status == http.StatusOK && a.body == r.flags():
				return nil
			case !former && meanwhile == nil:
				t.Fatalf("while revision %d follows %d: %d %s", r.number, c.at.number, a.status, a.body)
			case !former:
				if err := meanwhile(a); err != nil {
					t.Fatal(err)
				}
			}
			return fmt.Errorf("%d %s", a.status, a.body)
		})
	}
	c.at = r
	c.serves(t)
}

// serves compares everything the nodes say of the environment with the revision
// they are at.
func (c *cell) serves(t *testing.T) {
	t.Helper()
	for i, node := range c.nodes {
		for _, wrong := range c.differences(t, node) {
			t.Errorf("node %d at revision %d: %s", i, c.at.number, wrong)
		}
	}
}

func (c *cell) differences(t *testing.T, node *proxy) (wrong []string) {
	t.Helper()
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	expect := func(what string, a answer, want string) {
		if a.status != http.StatusOK || a.body != want {
			note("%s: %d %s\nwant %s", what, a.status, a.body, want)
		}
		updatedAt, err := strconv.ParseFloat(a.header.Get("X-Flagsmith-Document-Updated-At"), 64)
		if err != nil || updatedAt != float64(c.at.updatedAt().Unix()) {
			note("%s: of a document of %v, %v, want %d", what, updatedAt, err, c.at.updatedAt().Unix())
		}
	}
	get := func(path, key string) answer { return node.ask(t, http.MethodGet, path, key, "") }
	expect("flags", get("/api/v1/flags/", clientKey), c.at.flags())
	expect("one flag", get("/api/v1/flags/?feature=banner", clientKey), c.at.flag(""))
	for _, name := range []string{"ada", "bob", "eve", "fay"} { // fay never had an override
		expect("identity "+name, node.ask(t, http.MethodPost, "/api/v1/identities/", clientKey, fmt.Sprintf(`{"identifier":%q}`, name)), c.at.identity(name))
	}
	expect("identity ada, by GET", get("/api/v1/identities/?identifier=ada", clientKey), c.at.identity("ada"))

	document := get("/api/v1/environment-document/", serverKey)
	if err := same(document.body, c.at.document()); err != nil {
		note("document: %v", err)
	}
	if c.api.kind.pageSize == 0 {
		expect("document, byte for byte", document, string(c.at.document()))
	}
	if a := get("/proxy/health/readiness", ""); a.status != http.StatusOK {
		note("readiness: %d %s", a.status, a.body)
	}
	return wrong
}

// same compares documents as JSON: pages that were merged are the same document in
// other bytes.
func same(got string, want []byte) error {
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return fmt.Errorf("%w: %.200s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		return err
	}
	if !reflect.DeepEqual(g, w) {
		return fmt.Errorf("%s\nwant %s", got, want)
	}
	return nil
}
