package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Effective is a configuration as it applies, for operators: every setting with its
// value and the place that the value comes from. It holds no secrets. Its JSON form is
// stable. It is read-only once made, then it may be shared.
type Effective struct {
	// Hash is the same for two configurations with the same values, wherever these come
	// from. It is made of the masked values, so it does not help anybody to guess a
	// secret, and secrets that are masked alike do not change it. The path of the
	// configuration file is not part of it.
	Hash string `json:"hash"`
	// Settings are all settings, in the order of Reference.
	Settings []EffectiveSetting `json:"settings"`
	// Ignored are keys and variables that look like settings and have no effect.
	Ignored []string `json:"ignored"`
	// Warnings are the warnings that Load returns, one line each.
	Warnings []string `json:"warnings"`
	// RestartNeeded are the keys of settings that have changed where they are configured
	// and take effect at the next start. Settings has the values in force.
	RestartNeeded []string `json:"restart_needed"`
}

// EffectiveSetting is the value of one setting.
type EffectiveSetting struct {
	// Key is the dotted key, such as server.port. Settings that only a variable can set
	// have the variable's name in lower case.
	Key      string `json:"key"`
	Variable string `json:"variable"`
	// Value is a value of JSON, without secrets; nil where the setting is unset. Times
	// are numbers of seconds.
	Value any `json:"value"`
	// Source is the kind of place that the value comes from: "default"; "file:LINE", a
	// line of the configuration file; "variable"; "secret file", a file that holds this
	// value alone; or "flag". An object that is merged from several places has their
	// sources with " and " between them.
	Source string `json:"source"`
	// Origin names the place, such as "config.json, line 3" or "variable SERVER_PORT". It
	// is "" for a default.
	Origin string `json:"origin"`
	// Reload is when a change takes effect.
	Reload Effect `json:"reload"`
}

// effective explains the settings that the loader has decoded.
func (l *loader) effective(s Settings) Effective {
	e := Effective{Ignored: append([]string{}, l.ignored...), Warnings: []string{}, RestartNeeded: []string{}}
	for _, d := range l.settings {
		from := origin{source: SourceDefault}
		if c := l.settled[d]; c != nil {
			from = c.origin
		}
		e.Settings = append(e.Settings, EffectiveSetting{
			Key: d.key, Variable: d.variable, Value: d.effective(s), Source: from.source, Origin: from.text, Reload: d.reload,
		})
	}
	for _, w := range l.warnings {
		e.Warnings = append(e.Warnings, w.String())
	}
	e.Hash = e.hash()
	return e
}

// Reloaded returns what applies after a reload that led from e to loaded. restart are
// the keys of the settings that keep their values until the next start, as
// Reloaded.Restart has them.
func (e Effective) Reloaded(loaded Effective, restart []string) Effective {
	loaded.Settings = slices.Clone(loaded.Settings)
	for i, s := range loaded.Settings {
		if slices.Contains(restart, s.Key) {
			loaded.Settings[i] = e.Settings[i]
		}
	}
	loaded.RestartNeeded = append([]string{}, restart...)
	loaded.Hash = loaded.hash()
	return loaded
}

// hash returns Hash.
func (e Effective) hash() string {
	h := sha256.New()
	for _, s := range e.Settings {
		if s.Key == configPathKey {
			continue
		}
		value, err := json.Marshal(s.Value)
		if err != nil {
			panic(fmt.Sprintf("config: %s has no form in JSON: %v", s.Key, err)) // a mistake in its kind
		}
		fmt.Fprintf(h, "%s=%s\n", s.Key, value)
	}
	const length = 8 // enough to tell configurations apart
	return hex.EncodeToString(h.Sum(nil)[:length])
}

// effective returns the value of the setting as Effective has it.
func (d *definition) effective(s Settings) any {
	switch {
	case d.optional && d.fallback == "" && !d.isSet(s):
		return nil
	case d.kind.effective != nil:
		return d.kind.effective(d.value(s).Interface())
	case d.kind.confidential:
		return masked
	}
	return shownAsJSON(d.value(s).Interface())
}

// shownAsJSON returns what the JSON form of a value has, server-side keys masked.
func shownAsJSON(value any) (shown any) {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal([]byte(domain.RedactServerKeys(string(text))), &shown)
	}
	if err != nil {
		return masked // cannot be: settings have a JSON form
	}
	return shown
}

// The functions below are those of kinds.

// effectiveText returns what a value whose String hides its secrets shows.
func effectiveText(value any) any {
	if text := value.(fmt.Stringer).String(); text != "" {
		return text
	}
	return nil
}

func effectiveGrace(value any) any {
	if grace := value.(GracePeriod); !grace.Never {
		return grace.Period.Seconds()
	}
	return nil
}

func effectivePeers(value any) any {
	list := []string{}
	peers := value.(TrustedPeers)
	if peers.All {
		list = append(list, "*")
	}
	for _, prefix := range peers.Prefixes {
		list = append(list, prefix.String())
	}
	return list
}

func effectivePairs(value any) any {
	type pair struct {
		Server string `json:"server_side_key"`
		Client string `json:"client_side_key"`
	}
	list := []pair{}
	for _, p := range value.([]KeyPair) {
		list = append(list, pair{p.ServerSideKey.String(), string(p.ClientSideKey)})
	}
	return list
}
