package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// introduction is the beginning of docs/configuration.md.
//
//go:embed introduction.md
var introduction string

// remarks returns, by variable, what an operator should know beyond the definition.
func remarks() map[string]string {
	return map[string]string{
		"ENVIRONMENT_KEY_PAIRS":                "Blanks around keys are ignored. Each pair is `{\"server_side_key\": \"ser.…\", \"client_side_key\": \"…\"}`; either key may be `{\"file\": \"/path\"}`.",
		"API_POLL_FREQUENCY_SECONDS":           "Part of the [grace period](health.md).",
		"ENDPOINT_CACHES_FLAGS_USE_CACHE":      "Accepted; it changes nothing, since these answers are prepared when the document changes.",
		"ENDPOINT_CACHES_FLAGS_CACHE_MAX_SIZE": "As `endpoint_caches.flags.use_cache`.",
		"SERVER_RELOAD":                        "Files that hold secrets are always watched, and SIGHUP re-reads everything. See [reloading](reloading.md).",
		"PROXY_KEY":                            "With it `environment_key_pairs` may be empty.",
		"USAGE_FLUSH_INTERVAL_SECONDS":         "See [usage and analytics](usage-and-analytics.md).",
		"ANALYTICS_ENABLED":                    "See [usage and analytics](usage-and-analytics.md).",
		"EVENTS_URL":                           "See [experiments](experiments.md).",
		"EVENTS_MAX_QUEUE_BYTES":               "See [experiments](experiments.md#what-is-kept-and-what-is-lost).",
		"REALTIME_URL":                         "Polling goes on underneath. See [real time](real-time.md#events-from-flagsmith).",
		"WEBHOOK_SECRET":                       "With it `POST /proxy/webhook` makes the proxy fetch at once; the signature is checked. See [real time](real-time.md#the-webhook).",
		"HEALTH_CHECK_ENVIRONMENT_UPDATE_GRACE_PERIOD_SECONDS": "See [health checks and freshness](health.md).",
		"ADMIN_HOST":           "See [the admin listener](admin.md#who-can-reach-it).",
		"ADMIN_PORT":           "See [the admin listener](admin.md#the-port).",
		"ADMIN_TOKEN":          "See [the admin listener](admin.md#actions).",
		"LOGGING_OVERRIDE":     "See [Logging](#logging).",
		"SERVER_PROXY_HEADERS": "See [deployment](deployment.md#behind-a-load-balancer).",
		"WEB_CONCURRENCY":      "One process uses them all, without worker processes.",
		"STORE_LEASE_SECONDS":  "Only for stores that several nodes share.",
		"STORE_PREFIX":         "Only for stores that several nodes share.",
	}
}

// reference is the whole of docs/configuration.md.
func reference() []byte {
	var out strings.Builder
	out.WriteString("<!-- Written by `make docs` from adapters/config and docs/gen/introduction.md; changes made here are lost. -->\n\n")
	out.WriteString(introduction)
	entries, about := config.Reference(), remarks()

	out.WriteString("\n## Settings of the file\n\nEach can be set by its variable too.\n")
	for _, e := range entries {
		if e.Key != "" {
			writeEntry(&out, e.Key, e, about[e.Variable])
		}
	}
	out.WriteString("\n## Variables only\n")
	for _, e := range entries {
		if e.Key == "" {
			writeEntry(&out, e.Variable, e, about[e.Variable])
		}
	}
	return []byte(out.String())
}

func writeEntry(out *strings.Builder, title string, e config.Entry, remark string) {
	fmt.Fprintf(out, "\n### `%s`\n\n%s", title, e.Description)
	if remark != "" {
		out.WriteString(" " + remark)
	}
	out.WriteString("\n\n")
	if e.Key != "" {
		fmt.Fprintf(out, "- Variable: %s\n", code(e.Variable))
	}
	if names := append(keyAliases(e), e.VariableAliases...); len(names) > 0 {
		fmt.Fprintf(out, "- Also called: %s\n", codes(names))
	}
	if e.Unset {
		fmt.Fprintf(out, "- Default: unset (%s)\n", e.Default)
	} else {
		fmt.Fprintf(out, "- Default: %s\n", code(e.Default))
	}
	fmt.Fprintf(out, "- Allowed: %s\n", e.Allowed)
	fmt.Fprintf(out, "- Live: %s\n", live(e))
	if e.FileVariable != "" {
		fmt.Fprintf(out, "- From a file: %s names a file that holds the value\n", code(e.FileVariable))
	}
}

// live returns when a change takes effect.
func live(e config.Entry) string {
	switch e.Reload {
	case config.Live:
		return "yes"
	case config.LiveValue:
		return "from one value to another; setting or unsetting it takes a restart"
	default:
		return "no, a change takes a restart"
	}
}

// keyAliases are the other keys of a setting of the file.
func keyAliases(e config.Entry) []string {
	section := ""
	if dot := strings.LastIndexByte(e.Key, '.'); dot >= 0 {
		section = e.Key[:dot+1]
	}
	var names []string
	for _, alias := range e.Aliases {
		names = append(names, section+alias)
	}
	return names
}

func codes(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = code(t)
	}
	return strings.Join(quoted, ", ")
}

func code(text string) string { return "`" + text + "`" }
