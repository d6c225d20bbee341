package doctor

import "slices"

// documentation is where the pages for operators are.
const documentation = "https://github.com/edge-proxy/edge-proxy/blob/main/docs/"

// about describes a check.
type about struct{ id, check, why, page string }

// catalog returns all checks in the order in which they are reported.
func catalog() []about {
	return []about{
		{"C1", "configuration file", "a file that is not read leaves the defaults in force", "configuration.md"},
		{"C2", "settings", "the proxy does not start with a wrong setting", "configuration.md"},
		{"C3", "unknown settings", "a misspelt setting has no effect, and nothing else says so", "configuration.md"},
		{"C4", "key pairs", "without the right keys no document can be fetched", "managing-configuration.md"},
		{"N1", "name resolution", "documents cannot be fetched from a host without an address", "troubleshooting.md#other-fetch-errors"},
		{"N2", "forward proxy", "requests take another way through a forward proxy, which must let them pass", "troubleshooting.md#other-fetch-errors"},
		{"N3", "connection", "documents cannot be fetched without a connection to the API", "troubleshooting.md#other-fetch-errors"},
		{"N4", "certificate of the API", "a certificate that expires or is not trusted ends all fetches", "troubleshooting.md#other-fetch-errors"},
		{"N5", "protocol", "something that does not speak HTTP, or another service, may listen there", "troubleshooting.md#other-fetch-errors"},
		{"A1", "server-side keys", "a key that is refused leaves its environment without a document, or with an old one", "troubleshooting.md#403-in-the-log"},
		{"A2", "key pairs fit together", "clients get the flags of another environment if the two keys of a pair do not belong together", "managing-configuration.md"},
		{"A3", "conditional requests", "without the answer 304 every poll transfers the whole document", "scaling.md#polling"},
		{"A4", "discovery", "environments that are not discovered are not served", "discovery.md"},
		{"A5", "real-time updates", "without the stream of events, changes arrive with the next poll only", "real-time.md"},
		{"T1", "clock", "a wrong clock makes certificates look invalid, and times in logs and metrics wrong", "health.md#clocks"},
		{"S1", "store answers", "the proxy does not start without its store", "stores.md"},
		{"S2", "store works", "documents that cannot be written are not there after a restart", "stores.md"},
		{"S3", "store is fast", "a slow store delays the news of a change to other nodes", "stores.md"},
		{"S4", "store is set up well", "a store that drops records, or does not serve all keys, loses documents", "stores.md"},
		{"S5", "store has room", "documents that a full store does not take are not there after a restart", "stores.md#sizing-redis"},
		{"D1", "documents are usable", "a document that cannot be read is not served", "troubleshooting.md#other-fetch-errors"},
		{"D2", "rules are usable", "a rule that cannot be evaluated never matches, and nobody notices", "troubleshooting.md#wrong-value-for-an-identity"},
		{"D3", "size of documents", "a document that grows beyond the limit is refused", "configuration.md"},
		{"D4", "memory for documents", "a process that needs more memory than its container has is ended", "scaling.md"},
		{"P1", "port", "the proxy does not start if another program has its port", "configuration.md"},
		{"P2", "certificates", "without its certificates the proxy cannot speak TLS, or not verify the API's", "troubleshooting.md#other-fetch-errors"},
		{"P3", "open files", "each connection is an open file", "scaling.md"},
		{"P4", "memory and processors", "a limit above what the container has is not a limit", "scaling.md"},
		{"R1", "running proxy is ready", "load balancers send nothing to a proxy that is not ready", "health.md"},
		{"R2", "running proxy is well", "a proxy can be ready and have a problem that users notice later", "admin.md"},
		{"R3", "running proxy is this one", "a proxy that was not restarted runs with other settings or another version", "reloading.md"},
		{"X1", "answers are those of the API", "clients should get the same flags from the proxy as from the API", "compatibility.md"},
	}
}

// describe returns the description of the check with an id.
func describe(id string) about {
	all := catalog()
	return all[slices.IndexFunc(all, func(a about) bool { return a.id == id })]
}
