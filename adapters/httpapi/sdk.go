package httpapi

import (
	"net/http"
	"strings"
)

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
