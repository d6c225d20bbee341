package fakeflagsmith

import (
	"encoding/json"
	"net/http"
)

// serveAnalytics answers analytics posts of either version. What was posted is
// found in [Server.Requests] of the target.
func (s *Server) serveAnalytics(target Target, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, endpoint{target: target, answer: func(body []byte) answer {
			if !s.knowsClientKey(r.Header.Get("X-Environment-Key")) {
				return detail(http.StatusForbidden, "Invalid or missing Environment Key")
			}
			var object map[string]json.RawMessage
			if json.Unmarshal(body, &object) != nil || object == nil {
				return detail(http.StatusBadRequest, "Expected an object.")
			}
			return answer{status: status, header: http.Header{}}
		}})
	}
}
