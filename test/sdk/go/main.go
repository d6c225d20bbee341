// Command client drives Flagsmith's Go SDK for the tests in test/sdk: it reads
// requests, one JSON object a line, and answers each with one line. The contract
// is in the documentation of package sdk.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	flagsmith "github.com/Flagsmith/flagsmith-go-client/v4"
)

const sdkModule = "github.com/Flagsmith/flagsmith-go-client/v4"

type request struct {
	Call     string
	Client   string
	Options  options
	Identity *identity
	Features []string // nil: all of them
}

type options struct {
	URL         string
	Key         string
	Default     *flag
	Local       bool
	RefreshMS   int    `json:"refresh_ms"`
	RealtimeURL string `json:"realtime_url"`
	Analytics   bool
}

type identity struct {
	Identifier string
	Traits     []trait
	Transient  bool
}

type trait struct {
	Key       string
	Value     any
	Transient bool
}

type flag struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Value   any    `json:"value"`
}

// sdk is one client of the SDK.
type sdk struct {
	*flagsmith.Client
	stop context.CancelFunc // ends what the SDK runs in the background
}

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil)) // standard output is for answers
	clients := map[string]*sdk{}
	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for requests.Scan() {
		result, err := handle(requests.Text(), clients, logger)
		answer := map[string]any{"result": result}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := answers.Encode(answer); err != nil {
			logger.Error("answer", "error", err)
			os.Exit(1)
		}
	}
}

func handle(line string, clients map[string]*sdk, logger *slog.Logger) (any, error) {
	var r request
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	switch r.Call {
	case "about":
		return about()
	case "open":
		clients[r.Client] = open(r.Options, logger)
		return nil, nil
	}
	client := clients[r.Client]
	if client == nil {
		return nil, fmt.Errorf("no client %q", r.Client)
	}
	switch r.Call {
	case "flags":
		return client.flags(r.Identity, r.Features)
	case "segments":
		return client.segments(r.Identity)
	case "flush":
		return nil, nil // the SDK sends every ten seconds, and cannot be asked to
	case "close":
		client.stop()
		delete(clients, r.Client)
		return nil, nil
	}
	return nil, fmt.Errorf("no call %q", r.Call)
}

func about() (any, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, errors.New("built without module information")
	}
	for _, module := range info.Deps {
		if module.Path == sdkModule {
			return map[string]string{"sdk": sdkModule, "version": module.Version, "runtime": runtime.Version()}, nil
		}
	}
	return nil, errors.New("built without the SDK")
}

func open(o options, logger *slog.Logger) *sdk {
	ctx, stop := context.WithCancel(context.Background())
	chosen := []flagsmith.Option{flagsmith.WithBaseURL(o.URL), flagsmith.WithSlogLogger(logger)}
	if o.Default != nil {
		chosen = append(chosen, flagsmith.WithDefaultHandler(func(string) (flagsmith.Flag, error) {
			return flagsmith.Flag{Enabled: o.Default.Enabled, Value: o.Default.Value, IsDefault: true}, nil
		}))
	}
	if o.Local {
		chosen = append(chosen, flagsmith.WithLocalEvaluation(ctx),
			flagsmith.WithEnvironmentRefreshInterval(time.Duration(o.RefreshMS)*time.Millisecond))
	}
	if o.RealtimeURL != "" {
		chosen = append(chosen, flagsmith.WithRealtime(), flagsmith.WithRealtimeBaseURL(o.RealtimeURL))
	}
	if o.Analytics {
		chosen = append(chosen, flagsmith.WithAnalytics(ctx))
	}
	return &sdk{flagsmith.NewClient(o.Key, chosen...), stop}
}

func (s *sdk) flags(who *identity, features []string) (any, error) {
	var flags flagsmith.Flags
	var err error
	if who == nil {
		flags, err = s.GetFlags(context.Background(), nil)
	} else {
		traits := make(map[string]any, len(who.Traits))
		for _, t := range who.Traits {
			traits[t.Key] = flagsmith.NewTraitEvaluationContext(typed(t.Value), t.Transient)
		}
		evaluation := flagsmith.NewEvaluationContext(who.Identifier, traits)
		if who.Transient {
			evaluation = flagsmith.NewTransientEvaluationContext(who.Identifier, traits)
		}
		flags, err = s.GetFlags(context.Background(), &evaluation)
	}
	if err != nil {
		return nil, err
	}
	found := []flag{}
	if features == nil {
		for _, f := range flags.AllFlags() {
			found = append(found, flag{f.FeatureName, f.Enabled, f.Value})
		}
	}
	for _, name := range features {
		f, err := flags.GetFlag(name)
		if err != nil {
			return nil, err
		}
		found = append(found, flag{cmp.Or(f.FeatureName, name), f.Enabled, f.Value})
	}
	return found, nil
}

func (s *sdk) segments(who *identity) (any, error) {
	var traits []*flagsmith.Trait
	for _, t := range who.Traits {
		traits = append(traits, &flagsmith.Trait{TraitKey: t.Key, TraitValue: typed(t.Value)})
	}
	segments, err := s.GetIdentitySegments(who.Identifier, traits)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, segment := range segments {
		names = append(names, segment.Name)
	}
	return names, nil
}

// typed gives a number the type that an application would: int64 or float64.
func typed(value any) any {
	number, ok := value.(json.Number)
	if !ok {
		return value
	}
	if whole, err := number.Int64(); err == nil {
		return whole
	}
	fraction, err := number.Float64()
	if err != nil {
		return number.String()
	}
	return fraction
}
