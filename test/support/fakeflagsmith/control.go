package fakeflagsmith

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxControlBody bounds what the control API reads, documents included.
const maxControlBody = 512 << 20

// routeControl registers the control API that the package comment describes.
// Each address is one method of Server.
func (s *Server) routeControl() {
	control := func(pattern string, do func(r *http.Request) (any, error)) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
			value, err := do(r)
			status := http.StatusOK
			if err != nil {
				status, value = http.StatusBadRequest, map[string]string{"error": err.Error()}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(value)
		})
	}
	type none struct{}

	control("PUT /_control/environments/{key}", func(r *http.Request) (any, error) {
		e, err := environmentFrom(r)
		if err != nil {
			return nil, err
		}
		return none{}, s.PutEnvironment(e)
	})
	control("DELETE /_control/environments/{key}", func(r *http.Request) (any, error) {
		s.RemoveEnvironment(r.PathValue("key"))
		return none{}, nil
	})
	control("PUT /_control/failures", func(r *http.Request) (any, error) {
		target := Target(r.URL.Query().Get("target"))
		if target == "" {
			return nil, fmt.Errorf("fakeflagsmith: failures without a target")
		}
		var steps []Failure
		if err := json.NewDecoder(r.Body).Decode(&steps); err != nil {
			return nil, fmt.Errorf("fakeflagsmith: failures: %w", err)
		}
		return none{}, s.Fail(target, steps...)
	})
	control("GET /_control/requests", func(r *http.Request) (any, error) {
		return s.Requests(Target(r.URL.Query().Get("target"))), nil
	})
	control("GET /_control/counters", func(*http.Request) (any, error) {
		return s.Counters(), nil
	})
	control("PUT /_control/proxy-config", func(r *http.Request) (any, error) {
		var d Discovery
		if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
			return nil, fmt.Errorf("fakeflagsmith: proxy config: %w", err)
		}
		s.PutDiscovery(d)
		return none{}, nil
	})
	control("GET /_control/usage", func(*http.Request) (any, error) {
		return s.Usage(), nil
	})
	control("POST /_control/streams/{key}", func(r *http.Request) (any, error) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("fakeflagsmith: event: %w", err)
		}
		return listenerCount{s.Emit(r.PathValue("key"), string(data))}, nil
	})
	control("GET /_control/streams/{key}", func(r *http.Request) (any, error) {
		return listenerCount{s.Listeners(r.PathValue("key"))}, nil
	})
	control("DELETE /_control/streams/{key}", func(r *http.Request) (any, error) {
		s.EndStreams(r.PathValue("key"))
		return none{}, nil
	})
	control("POST /_control/reset", func(*http.Request) (any, error) {
		s.Reset()
		return none{}, nil
	})
}

type listenerCount struct {
	Listeners int `json:"listeners"`
}

// environmentFrom reads the settings of an environment from a control request.
func environmentFrom(r *http.Request) (Environment, error) {
	query := r.URL.Query()
	e := Environment{ClientKey: r.PathValue("key"), ServerKeys: query["server_key"], Links: LinkForm(query.Get("links"))}
	if text := query.Get("page_size"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 0 {
			return Environment{}, fmt.Errorf("fakeflagsmith: page_size %q is not a number from 0 up", text)
		}
		e.PageSize = size
	}
	delay, err := parseDuration(query.Get("delay"))
	if err != nil {
		return Environment{}, fmt.Errorf("fakeflagsmith: delay: %w", err)
	}
	e.Delay = delay
	if e.Ahead, err = parseDuration(query.Get("ahead")); err != nil {
		return Environment{}, fmt.Errorf("fakeflagsmith: ahead: %w", err)
	}
	if e.Document, err = io.ReadAll(r.Body); err != nil {
		return Environment{}, fmt.Errorf("fakeflagsmith: document: %w", err)
	}
	return e, nil
}
