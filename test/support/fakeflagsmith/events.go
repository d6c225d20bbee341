package fakeflagsmith

import (
	"encoding/json"
	"net/http"
)

// PoisonedEvent is the name of an event for which a whole batch is refused.
const PoisonedEvent = "poisoned"

// serveEvents answers the events of experiments. What was posted is in
// [Server.Requests] of [Events].
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, endpoint{target: Events, answer: func(body []byte) answer {
		key := r.Header.Get("X-Environment-Key")
		if key == "" {
			return answer{status: http.StatusUnauthorized, header: http.Header{}}
		}
		if !s.knowsClientKey(key) && !s.knowsServerKey(key) {
			return answer{status: http.StatusForbidden, header: http.Header{}, body: []byte("Unknown environment key")}
		}
		var batch struct {
			Events []struct {
				Event string `json:"event"`
			} `json:"events"`
		}
		if err := json.Unmarshal(body, &batch); err != nil {
			return answer{status: http.StatusUnprocessableEntity, header: http.Header{}, body: []byte(err.Error())}
		}
		for _, e := range batch.Events {
			if e.Event == PoisonedEvent {
				return answer{status: http.StatusUnprocessableEntity, header: http.Header{}, body: []byte("one of the events is poisoned")}
			}
		}
		if len(batch.Events) == 0 {
			return jsonAnswer(http.StatusBadRequest, map[string]any{"accepted": 0, "rejected": []any{}, "error": "events must be non-empty"})
		}
		return jsonAnswer(http.StatusAccepted, map[string]any{"accepted": len(batch.Events), "rejected": []any{}})
	}})
}

// knowsServerKey reports whether a server-side key opens an environment.
func (s *Server) knowsServerKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byServerKey[key] != nil
}
