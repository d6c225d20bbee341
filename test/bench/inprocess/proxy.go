package inprocess

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

const (
	clientKey = "bench_client_key"
	serverKey = "ser.bench-0123456789"
)

// query answers from a snapshot that never changes.
type query struct{ snapshot *app.Snapshot }

func (q query) Snapshot() *app.Snapshot { return q.snapshot }
func (query) Readiness() app.Readiness  { return app.Readiness{} }

// compile does what the application does with a new document.
func compile(document []byte) (*app.Environment, error) {
	parsed, _, err := domain.ParseEnvironment(string(document))
	if err != nil {
		return nil, err
	}
	program, _ := engine.Compile(parsed)
	e := &app.Environment{
		Key: clientKey, Body: document, UpdatedAt: parsed.UpdatedAt, Digest: sha256.Sum256(document), Program: program, Serving: parsed.Serving,
	}
	e.Presentation = new(httpapi.Presenter).Present(e)
	return e, nil
}

// newHandler returns the whole handler, serving one document, with options changed as
// wanted.
func newHandler(document []byte, change ...func(*httpapi.Options)) (http.Handler, error) {
	e, err := compile(document)
	if err != nil {
		return nil, fmt.Errorf("inprocess: %w", err)
	}
	ring := domain.NewKeyRing([]domain.EnvironmentKeys{{
		Client: clientKey, Server: []domain.Credential{domain.NewCredential(domain.NewServerKey(serverKey), time.Time{})},
	}})
	snapshot := app.NewSnapshot(ring, map[domain.EnvironmentKey]*app.Environment{clientKey: e}, time.Now)
	o := httpapi.Options{Query: query{snapshot}, AllowOrigins: []string{"*"}}
	for _, f := range change {
		f(&o)
	}
	return httpapi.New(o)
}
