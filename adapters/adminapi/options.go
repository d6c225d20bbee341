package adminapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Application is what the interface reads of the proxy. app.App implements it. Its
// methods are called concurrently.
type Application interface {
	// Status returns what the node is doing now.
	Status() app.Status
	// Snapshot returns the documents that are served now.
	Snapshot() *app.Snapshot
	// Recent returns what has happened lately.
	Recent() *app.Recent
}

// Options configure an API.
type Options struct {
	Application Application
	// Loopback says that the listener's address is a loopback address.
	Loopback bool
	// Host is the name or address that the listener was configured with.
	Host string
	// Policy returns the rules in force. It is called for each request.
	Policy func() Policy
	// Node describes what does not change while the process runs.
	Node Node
	// Configuration returns the effective configuration; nil leaves the page out.
	Configuration func() Configuration
	// Traffic returns what clients ask for; nil leaves it out.
	Traffic func() Traffic
	// Metrics answers /metrics; nil leaves the page out.
	Metrics http.Handler
	// Actions are what operators can have the proxy do.
	Actions []Action
	// History has the former documents; nil leaves the pages out.
	History History
	// Store has the stored documents; nil leaves the pages out.
	Store ports.Reader
	// Acted is called after each action with its name and result; may be nil.
	Acted  func(action string, result Result)
	Logger *slog.Logger
	Now    func() time.Time
}

// Policy is what the listener allows.
type Policy struct {
	// Token opens actions and, on an address that is not a loopback address, pages. "":
	// the token is not set, and nothing that needs it is answered.
	Token string
	// ReadOnly removes the actions that change something.
	ReadOnly bool
	// Profiles serves Go's profiles.
	Profiles bool
}

// Node is what this process is. It has no secrets.
type Node struct {
	Version, Commit, Date string
	// Upstream is the address that documents come from, without secrets.
	Upstream string
	// UpstreamName is what people call upstream, such as "Flagsmith".
	UpstreamName string
	// Store is the address of the store, without secrets.
	Store string
}

// Configuration is the effective configuration. It has no secrets.
type Configuration struct {
	// Hash is the same for configurations with the same values.
	Hash string
	// Warnings are what is suspicious in the configuration, such as unknown settings.
	Warnings []string
	// Ignored are keys and variables that look like settings and have no effect.
	Ignored []string
	// Settings are those that differ from their defaults.
	Settings []Setting
	// NeedRestart are the settings that were changed and take effect at the next start.
	NeedRestart []string
	// Details is what /config answers, as JSON: every setting with its source.
	Details any
}

// Setting is one setting and where its value comes from. Its texts have no secrets.
type Setting struct{ Key, Value, Source string }

// Action is one thing that operators can have the proxy do. It answers POST, PUT or
// DELETE requests with the token.
type Action struct {
	// Pattern is the method and path, as http.ServeMux takes them.
	Pattern string
	// Name is the action's name in the log, the events and the metrics.
	Name string
	// ReadsOnly says that the action changes nothing. It is then neither removed by
	// Policy.ReadOnly nor recorded.
	ReadsOnly bool
	// Do does it. The result is the answer, as JSON. An error that is not a *Refusal is
	// logged, and the caller learns only that the action failed. ctx ends when the client
	// goes away.
	Do func(ctx context.Context, call *Call) (answer any, err error)
}
