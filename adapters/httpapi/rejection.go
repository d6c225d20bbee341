package httpapi

// rejection is why a request was refused, as Stats has it. "" is not counted.
type rejection string

const (
	noKey                  rejection = "no_key"
	notAKey                rejection = "unknown_key"
	clientKeyOnServerRoute rejection = "client_key_on_server_route"
	noDocument             rejection = "no_document"
	bodyTooLarge           rejection = "body_too_large"
	badBody                rejection = "bad_body"
	rateLimited            rejection = "rate_limited"
	overloaded             rejection = "overloaded"
	forbiddenAddress       rejection = "address"
	unfitCertificate       rejection = "client_certificate"
)

// rejections returns all reasons.
func rejections() []rejection {
	return []rejection{noKey, notAKey, clientKeyOnServerRoute, noDocument, bodyTooLarge, badBody, rateLimited, overloaded, forbiddenAddress, unfitCertificate}
}

// as sets what the error counts as.
func (e *statusError) as(r rejection) *statusError {
	e.rejection = r
	return e
}
