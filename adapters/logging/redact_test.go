package logging_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

const secret = "ser.Zx81kQpLw93nVbT2yRmA7c"

func TestServerSideKeysAreMasked(t *testing.T) {
	custom := `{"formatters":{"own":{"format":"{asctime} {name} {message}","style":"{"}},"handlers":{"default":{"formatter":"own"}}}`
	for name, o := range map[string]logging.Options{
		"generic": {Format: "generic", Colours: true}, "json": {Format: "json"}, "custom": {Override: override(t, custom)},
	} {
		t.Run(name, func(t *testing.T) {
			var out output
			o.Stdout, o.EnableAccessLog = &out, true
			l := open(t, o)
			log := logger(l, "edge_proxy."+secret)
			places := []func(){
				func() { log.Info(secret) },
				func() { log.Info("key '" + secret + "' refused, then " + secret + ".") },
				func() { log.Info("e", "key", secret) },
				func() { log.Info("e", secret, 1) },
				func() { log.With(slog.Group(secret, "a", secret)).Info("e") },
				func() { log.Info("e", "err", errors.New("GET /?k="+secret+": refused")) },
				func() { log.Info("e", "any", map[string]any{"deep": []string{secret}}) },
				func() { log.Info("line\n" + secret + "\n") },
				func() { log.Info("e", "query", "a=1%26b%3D"+secret) },
				func() { log.Info("glued" + secret) },
				func() {
					l.Access(logging.AccessRecord{Method: "GET", Path: "/api?key=" + secret + "&a=" + secret, RemoteAddr: secret, Status: 200})
				},
			}
			for _, log := range places {
				log()
			}
			l.Close()
			got := lines(out.String())
			if len(got) != len(places) {
				t.Fatalf("%d lines, want %d", len(got), len(places))
			}
			for _, line := range got {
				if strings.Contains(line, secret[4:12]) || !strings.Contains(line, "ser."+secret[len(secret)-4:]) {
					t.Errorf("not masked: %s", line)
				}
				if name == "json" {
					object(t, line)
				}
			}
		})
	}
}

func TestWhatIsNoKeyStays(t *testing.T) {
	for _, s := range []string{
		"user.name", "parser.go:123", "browser.version", "laser.", "ser.", "keys begin with `ser.`", "ser.mA7c", "ser.…mA7c", "ser.***mA7c", "user.identifier",
	} {
		var out output
		open(t, logging.Options{Format: "json", Stdout: &out}).Logger("a").Info(s)
		if got := object(t, out.String())["message"]; got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestShortKeysAreMasked(t *testing.T) {
	for in, want := range map[string]string{
		"user.ser.12345678": "user.ser.5678", "ser.abcde": "ser.de", "x=ser.abc-de_f.": "x=ser.de_f.", "ser.ab.cd.efgh": "ser.efgh", "(ser.12345678)": "(ser.5678)",
		"a%3Dser.12345678": "a%3Dser.5678", "line\nser.12345678": "line\nser.5678",
	} {
		var out output
		open(t, logging.Options{Format: "json", Stdout: &out}).Logger("a").Info(in)
		if got := object(t, out.String())["message"]; got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzRedaction: wherever a key stands, it does not get through, and no line is
// spoilt.
func FuzzRedaction(f *testing.F) {
	f.Add("key=", " refused")
	f.Add("user.", ".ser.")
	f.Add("%3D\\n", "\x00ser.ser.abcdef")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, format := range []string{"json", "generic"} {
			var out output
			open(t, logging.Options{Format: format, Stdout: &out}).Logger("a").Info("e", "k", before+secret+after)
			if strings.Contains(out.String(), secret) {
				t.Fatalf("the key got through: %q", out.String())
			}
			if format == "json" {
				object(t, out.String())
			}
		}
	})
}
