package httpapi

import (
	"net/http"
	"strings"
	"sync/atomic"
)

// sdkPrefix is how the names of all known SDKs begin.
const sdkPrefix = "flagsmith-"

// knownSDKs returns the names by which Flagsmith's SDKs call themselves in
// Flagsmith-SDK-User-Agent or User-Agent, before a slash and their version.
func knownSDKs() []string {
	return []string{
		"flagsmith-dotnet-sdk", "flagsmith-elixir-sdk", "flagsmith-flutter-sdk", "flagsmith-go-sdk", "flagsmith-java-sdk", "flagsmith-js-sdk",
		"flagsmith-kotlin-android-sdk", "flagsmith-nodejs-sdk", "flagsmith-php-sdk", "flagsmith-python-sdk", "flagsmith-ruby-sdk",
		"flagsmith-rust-sdk", "flagsmith-swift-ios-sdk",
	}
}

// otherSDK stands for every client that does not call itself by a known name.
const otherSDK = "other"

// sdkName returns the name in a request's headers, without the version. It need not be
// known.
func sdkName(h http.Header) string {
	agent := h["Flagsmith-Sdk-User-Agent"]
	if len(agent) == 0 {
		if agent = h["User-Agent"]; len(agent) == 0 {
			return ""
		}
	}
	name, _, _ := strings.Cut(agent[0], "/")
	return name
}

const (
	// sdkLanes is how many counts of each SDK are added up. Requests that are answered at
	// the same time mostly count in different ones.
	sdkLanes = 8
	// mostSDKs is more than the number of names. It fills whole cache lines.
	mostSDKs = 16
)

// sdkTally counts requests by the SDK that sent them. It is safe for concurrent use; make
// it with newSDKTally.
type sdkTally struct {
	numbers map[string]int // by name; that of otherSDK is 0
	lanes   [sdkLanes][mostSDKs]atomic.Int64
}

func newSDKTally() *sdkTally {
	t := &sdkTally{numbers: map[string]int{otherSDK: 0}}
	for i, name := range knownSDKs() {
		t.numbers[name] = 1 + i
	}
	return t
}

// add counts a request with these headers.
func (t *sdkTally) add(h http.Header, lane uint32) {
	number := 0
	if name := sdkName(h); strings.HasPrefix(name, sdkPrefix) {
		number = t.numbers[name]
	}
	t.lanes[lane%sdkLanes][number].Add(1)
}

// counts returns the counts by name; none for nil.
func (t *sdkTally) counts() map[string]int64 {
	if t == nil {
		return map[string]int64{}
	}
	counts := make(map[string]int64, len(t.numbers))
	for name, number := range t.numbers {
		for lane := range t.lanes {
			counts[name] += t.lanes[lane][number].Load()
		}
	}
	return counts
}
