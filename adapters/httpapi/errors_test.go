package httpapi_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
)

// faulty is a query that panics.
type faulty struct {
	query
	with any
}

func (f *faulty) Snapshot() *app.Snapshot { panic(f.with) }

func TestAPanicIsALoggedErrorThatNamesNoInternals(t *testing.T) {
	for _, with := range []any{errors.New("secret " + serverKey), "secret " + serverKey, 7} {
		var log bytes.Buffer
		var records []httpapi.AccessRecord
		api := newAPI(t, func(o *httpapi.Options) {
			o.Query, o.Logger = &faulty{with: with}, slog.New(slog.NewJSONHandler(&log, nil))
			o.Access = func(r httpapi.AccessRecord) { records = append(records, r) }
		})
		for range 2 { // the second with what the first left behind
			w := ask(api, "GET", "/api/v1/flags/?key="+serverKey, "", clientHeader("Origin: https://a.test")...)
			want(t, w, 500, `{"detail":"Internal Server Error"}`)
			wantHeader(t, w, "Access-Control-Allow-Origin", "*")
		}
		if len(records) != 2 || records[0].Status != 500 || strings.Contains(records[0].Path, serverKey) {
			t.Errorf("access records %+v", records)
		}
		if !strings.Contains(log.String(), "panic") || !strings.Contains(log.String(), "getFlags") || strings.Contains(log.String(), serverKey) {
			t.Errorf("logged: %s", &log)
		}
	}
}

// breaking is a ResponseWriter that panics when the body is written.
type breaking struct{ *sink }

func (breaking) Write([]byte) (int, error) { panic("in the middle") }

func TestAPanicInTheMiddleOfAnAnswerAbortsIt(t *testing.T) {
	var log bytes.Buffer
	var records []httpapi.AccessRecord
	api := newAPI(t, func(o *httpapi.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Access = func(r httpapi.AccessRecord) { records = append(records, r) }
	})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("panicked with %v", v)
		}
		if !strings.Contains(log.String(), "in the middle") || len(records) != 1 || records[0].Status != 200 {
			t.Errorf("logged %s, %+v", &log, records)
		}
	}()
	api.ServeHTTP(breaking{newSink()}, request("GET", "/api/v1/flags/", "", clientHeader()...))
	t.Error("the connection would have stayed open")
}

func TestAnAbortIsPassedOnInSilence(t *testing.T) {
	var log bytes.Buffer
	api := newAPI(t, func(o *httpapi.Options) {
		o.Query, o.Logger = &faulty{with: http.ErrAbortHandler}, slog.New(slog.NewTextHandler(&log, nil))
	})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler || log.Len() > 0 {
			t.Errorf("panicked with %v, logged %s", v, &log)
		}
	}()
	ask(api, "GET", "/api/v1/flags/", "", clientHeader()...)
	t.Error("it was answered")
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	if _, err := httpapi.New(httpapi.Options{}); err == nil {
		t.Error("no query was accepted")
	}
}
