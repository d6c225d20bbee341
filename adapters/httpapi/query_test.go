package httpapi_test

import "testing"

// Bytes that are no UTF-8 become as many U+FFFD as Python makes of them: one for
// each sequence that breaks off.
func TestBrokenUTF8InAQuery(t *testing.T) {
	api := newAPI(t, nil)
	for sent, want := range map[string]string{
		"%E0%80%80":       "\uFFFD\uFFFD\uFFFD",
		"%E0%A0":          "\uFFFD",
		"%ED%A0%80":       "\uFFFD\uFFFD\uFFFD",
		"%EC%80x":         "\uFFFDx",
		"%F0%9F%98x":      "\uFFFDx",
		"%F0%80%80":       "\uFFFD\uFFFD\uFFFD",
		"%F4%90%80%80":    "\uFFFD\uFFFD\uFFFD\uFFFD",
		"%F4%8F%BF":       "\uFFFD",
		"%F5%80":          "\uFFFD\uFFFD",
		"%C0%AF":          "\uFFFD\uFFFD",
		"%80%80":          "\uFFFD\uFFFD",
		"%f1%80%e2%82%ac": "\uFFFD\u20AC",
	} {
		w := ask(api, "GET", "/api/v1/flags/?feature="+sent, "", clientHeader()...)
		if got := w.Body.String(); got != `{"status":"not_found","message":"feature '`+want+`' not found"}` {
			t.Errorf("%s: %s", sent, got)
		}
	}
}
