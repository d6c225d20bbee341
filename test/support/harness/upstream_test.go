package harness_test

import (
	"encoding/json"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func TestUpstream(t *testing.T) {
	u := harness.StartUpstream(t)
	const document = `{"api_key":"c","updated_at":"2026-01-02T03:04:05+00:00"}`
	config := u.Serve(t, fakeflagsmith.Environment{ClientKey: "c", ServerKeys: []string{"ser.a", "ser.b"}, Document: []byte(document)})
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	const pairs = `[{"client_side_key":"c","server_side_key":"ser.a"},{"client_side_key":"c","server_side_key":"ser.b"}]`
	if want := `{"api_url":"` + u.URL + `/api/v1","environment_key_pairs":` + pairs + `}`; string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	get := func() harness.RawResponse {
		t.Helper()
		response, err := harness.Raw(u.Address, harness.RawRequest{
			Method: "GET", Target: "/api/v1/environment-document/", Headers: [][2]string{{"X-Environment-Key", "ser.b"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	if response := get(); response.Status != 200 || string(response.Body) != document {
		t.Errorf("got %d %s", response.Status, response.Body)
	}

	u.Kill(t)
	again := harness.StartUpstreamAt(t, u.Address)
	if again.Address != u.Address {
		t.Errorf("came back at %s, was at %s", again.Address, u.Address)
	}
	if response := get(); response.Status != 403 {
		t.Errorf("a new upstream answers %d", response.Status)
	}
}

func TestUpstreamEnds(t *testing.T) {
	u := harness.StartUpstream(t)
	u.Kill(t)
	if _, err := harness.Raw(u.Address, harness.RawRequest{Method: "GET", Target: "/"}); err == nil {
		t.Error("an upstream that was killed answers")
	}
}
