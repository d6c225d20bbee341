package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const serverKey = "ser.bench-0123456789"

// epoch is the time of the first document. A change is a second.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// origin is the upstream: Flagsmith's API and its real-time server, with the
// document of the sizing profile.
type origin struct {
	fake     *fakeflagsmith.Server
	server   *http.Server
	url      string
	document []byte
	changes  int
}

func newOrigin() (*origin, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &origin{fake: fakeflagsmith.New(), url: "http://" + listener.Addr().String(), document: profile.Document(profile.Default())}
	o.server = &http.Server{Handler: o.fake, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = o.server.Serve(listener) }() // ends with close
	return o, o.put()
}

func (o *origin) close() {
	o.fake.Close()
	_ = o.server.Close()
}

func (o *origin) put() error {
	at := epoch.Add(time.Duration(o.changes) * time.Second)
	return o.fake.PutEnvironment(fakeflagsmith.Environment{
		ClientKey: profile.ClientKey, ServerKeys: []string{serverKey},
		Document: lab.Dated(o.document, at, profile.ClientKey, profile.ClientKey),
	})
}

// change stores another document and announces it; at is when it did, and data what
// listeners of the proxy are to get.
func (o *origin) change() (at time.Time, data string, err error) {
	o.changes++
	if err := o.put(); err != nil {
		return at, "", err
	}
	data = fmt.Sprintf(`{"updated_at": %d}`, epoch.Unix()+int64(o.changes))
	at = time.Now()
	if o.fake.Emit(profile.ClientKey, data) == 0 {
		return at, "", errors.New("no proxy listens to the real-time server")
	}
	return at, data, nil
}

// start starts a proxy that learns of changes by real time only, and waits until
// it listens.
func (o *origin) start(ctx context.Context, binary, directory string, environment ...string) (*lab.Process, error) {
	listening := o.fake.Listeners(profile.ClientKey)
	p, err := lab.StartProxy(ctx, lab.Setup{
		Binary: binary, Directory: directory, Upstream: &lab.Upstream{URL: o.url + "/api/v1"}, PollEvery: 3600,
		Keys: []lab.KeyPair{{Server: serverKey, Client: profile.ClientKey}},
		Env:  append([]string{"REALTIME_URL=" + o.url}, environment...),
	})
	if err != nil {
		return nil, err
	}
	if _, err := lab.WaitReady(ctx, p.Address); err != nil {
		p.Stop()
		return nil, err
	}
	for o.fake.Listeners(profile.ClientKey) == listening {
		if err := errors.Join(ctx.Err(), p.Alive()); err != nil {
			p.Stop()
			return nil, err
		}
		time.Sleep(time.Millisecond)
	}
	return p, nil
}
