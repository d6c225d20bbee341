package fakeflagsmith

import "net/http"

// routeAPI registers what the real Flagsmith API serves, and this one too.
func (s *Server) routeAPI() {
	s.mux.HandleFunc("GET /api/v1/environment-document/{$}", s.serveDocument)
	s.mux.HandleFunc("GET /api/v1/proxy/config/{$}", s.serveDiscovery)
	s.mux.HandleFunc("POST /api/v1/proxy/usage/{$}", s.serveUsage)
	s.mux.HandleFunc("POST /api/v1/analytics/flags/{$}", s.serveAnalytics(AnalyticsV1, http.StatusOK))
	s.mux.HandleFunc("POST /api/v2/analytics/flags/{$}", s.serveAnalytics(AnalyticsV2, http.StatusNoContent))
	s.mux.HandleFunc("POST /v1/events", s.serveEvents)
	s.mux.HandleFunc("POST /api/v1/events", s.serveEvents)
	s.mux.HandleFunc("GET /sse/environments/{key}/stream", s.serveStream)
}
