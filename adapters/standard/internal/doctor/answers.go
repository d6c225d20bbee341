package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// identitiesCompared is how many identities are compared, and overriddenCompared how
	// many of them at most have overrides of their own.
	identitiesCompared, overriddenCompared = 20, 10
	// mostTraits bounds the traits of a made-up identity.
	mostTraits = 5
)

// answers compares answers of the running proxy and the API about identities of the
// first environment: some that have overrides, with the traits that the API knows of
// them, and some that are made up, with traits that segments ask for.
func (e *examination) answers(ctx context.Context) {
	if !e.options.AgainstAPI {
		return
	}
	e.check("X1", func(f *finding) {
		const running = "Start the proxy, or name its address with --url."
		origin, err := e.OpenOrigin(e.settings, discard)
		if err != nil { // the files of api_tls; the rest was checked with the configuration
			f.fail("Correct what the text names.", "%v", err)
			return
		}
		defer origin.Close()
		list := e.settings.Environments()
		switch {
		case origin.API == nil:
			f.skip("documents come from a directory")
			return
		case len(list) == 0:
			f.skip("only discovered environments are served")
			return
		case !e.isRunning(ctx):
			f.fail(running, "there is no running proxy to compare the API with")
			return
		}
		document, err := documentOf(ctx, origin, list[0])
		if err != nil {
			f.fail("See the check of the server-side keys.", "%v", err)
			return
		}
		c := comparison{e: e, api: origin.API, key: list[0].Client}
		for _, id := range sample(document) {
			if err := c.identity(ctx, f, id); err != nil {
				f.fail("Do what the text says.", "%v", err)
				return
			}
		}
		if c.different == 0 {
			f.ok("%s: %d identities get the same flags from both", shown(c.key), c.compared)
		}
	})
}

// documentOf fetches and reads the document of an environment.
func documentOf(ctx context.Context, upstream ports.Upstream, keys domain.EnvironmentKeys) (*domain.Environment, error) {
	var answer ports.Document
	err := errors.New("the environment has no server-side key")
	for _, credential := range keys.Server {
		if answer, err = upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: keys.Client, Key: credential.Key}); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	document, _, err := domain.ParseEnvironment(string(answer.Body))
	return document, err
}

// identity is one to ask for.
type identity struct {
	Identifier string       `json:"identifier"`
	Traits     []traitOfAPI `json:"traits"`
	Transient  bool         `json:"transient,omitempty"`
	known      bool         // by the API, which has its traits
}

type traitOfAPI struct {
	Key   string `json:"trait_key"`
	Value any    `json:"trait_value"`
}

// sample returns identities of which some are likely to see something special.
func sample(document *domain.Environment) []identity {
	var list []identity
	overrides := document.IdentityOverrides
	for _, i := range rand.Perm(len(overrides))[:min(len(overrides), overriddenCompared)] {
		list = append(list, identity{Identifier: overrides[i].Identifier, known: true})
	}
	var conditions []domain.Condition
	for _, segment := range document.Segments {
		conditions = appendConditions(conditions, segment.Rules)
	}
	known := len(list)
	for n := known; n < identitiesCompared; n++ {
		id := identity{Identifier: fmt.Sprintf("edge-proxy-doctor-%d", n), Traits: []traitOfAPI{}, Transient: true}
		traits := map[string]string{}
		count := 0 // the first has no traits, to see what the environment gives to all
		if n > known {
			count = min(len(conditions), rand.IntN(mostTraits+1))
		}
		for _, i := range rand.Perm(len(conditions))[:count] {
			traits[conditions[i].Property] = conditions[i].Value.Text()
		}
		for _, key := range slices.Sorted(maps.Keys(traits)) {
			id.Traits = append(id.Traits, traitOfAPI{key, traits[key]})
		}
		list = append(list, id)
	}
	return list
}

// appendConditions appends the conditions about traits that rules have.
func appendConditions(list []domain.Condition, rules []domain.Rule) []domain.Condition {
	for _, rule := range rules {
		for _, c := range rule.Conditions {
			if c.Property != "" && !strings.HasPrefix(c.Property, "$") {
				list = append(list, c)
			}
		}
		list = appendConditions(list, rule.Rules)
	}
	return list
}

// comparison compares answers about identities of one environment.
type comparison struct {
	e                   *examination
	api                 *flagsmith.Client
	key                 domain.EnvironmentKey
	compared, different int
}

// answerAbout is what is read of an answer about an identity.
type answerAbout struct {
	Traits []traitOfAPI
	Flags  []struct {
		Feature struct{ Name string }
		Enabled bool
		Value   any `json:"feature_state_value"`
	}
}

func (a answerAbout) flags() map[string]string {
	flags := map[string]string{}
	for _, f := range a.Flags {
		value, err := json.Marshal(f.Value)
		if err != nil { // cannot be: it came from JSON
			continue
		}
		flags[f.Feature.Name] = fmt.Sprintf("%s, enabled %t", value, f.Enabled)
	}
	return flags
}

// identity compares the answers about one identity. The error is that one of the two did
// not answer.
func (c *comparison) identity(ctx context.Context, f *finding, id identity) error {
	var there answerAbout
	var text []byte
	var err error
	if id.known {
		text, err = c.api.KnownIdentity(ctx, c.key, id.Identifier)
	} else {
		body, encoding := json.Marshal(id)
		if encoding != nil {
			return encoding
		}
		text, err = c.api.PassingIdentity(ctx, c.key, body)
	}
	if err == nil && json.Unmarshal(text, &there) != nil {
		err = errors.New("the API does not answer with the flags of an identity")
	}
	if err != nil {
		return err
	}
	if id.known { // the proxy stores no traits
		id.Traits = append([]traitOfAPI{}, there.Traits...)
	}
	here, err := c.askProxy(ctx, id)
	if err != nil {
		return err
	}
	c.compared++
	wanted, got := there.flags(), here.flags()
	all := maps.Clone(wanted)
	maps.Copy(all, got)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return wanted[name] == got[name] })
	if len(names) > 0 {
		c.different++
		f.fail("Run \"edge-proxy refresh\" and ask again; if they still differ, \"edge-proxy explain --compare api\" shows how the flags come about.",
			"%s: an identity of %s gets other flags from the API: %s", shown(c.key), kindOf(id), shown(strings.Join(names, ", ")))
	}
	return nil
}

// kindOf describes an identity without saying who it is.
func kindOf(id identity) string {
	if id.known {
		return "those with overrides"
	}
	keys := make([]string, len(id.Traits))
	for i, trait := range id.Traits {
		keys[i] = trait.Key
	}
	return "the made-up ones, with the traits [" + shown(strings.Join(keys, " ")) + "],"
}

func (c *comparison) askProxy(ctx context.Context, id identity) (a answerAbout, err error) {
	body, err := json.Marshal(id)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, runningPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.e.options.Proxy, "/")+"/api/v1/identities/", io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return a, errors.New("the address of the proxy is not valid")
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Environment-Key", string(c.key))
	status, text, err := do(request, c.e.tlsOf(c.e.options.Proxy))
	switch {
	case err != nil:
		return a, err
	case status != http.StatusOK || json.Unmarshal(text, &a) != nil:
		return a, fmt.Errorf("the proxy answered %d to a request for an identity", status)
	}
	return a, nil
}
