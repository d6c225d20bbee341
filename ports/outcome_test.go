package ports_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestOutcomeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ports.Outcome
	}{
		{nil, ports.OutcomeOK},
		{&ports.FetchError{Status: 401}, ports.OutcomeUnauthorized},
		{fmt.Errorf("wrapped: %w", &ports.FetchError{Status: 403}), ports.OutcomeForbidden},
		{&ports.FetchError{Status: 404}, ports.OutcomeNotFound},
		{&ports.FetchError{Status: 407}, ports.OutcomeProxy},
		{&ports.FetchError{Status: 429}, ports.OutcomeThrottled},
		{&ports.FetchError{Status: 599}, ports.OutcomeServerError},
		{&ports.FetchError{Status: 600}, ports.OutcomeInvalid},
		{&ports.FetchError{Status: 200}, ports.OutcomeInvalid},
		{&ports.FetchError{Reached: ports.OutcomeDNS, Err: errors.New("no such host")}, ports.OutcomeDNS},
		{&ports.ReportError{Status: 500}, ports.OutcomeServerError},
		{&ports.ReportError{Reached: ports.OutcomeTLS}, ports.OutcomeTLS},
		{fmt.Errorf("%w: not JSON", domain.ErrUnusable), ports.OutcomeInvalid},
		{context.Canceled, ports.OutcomeInvalid},
	} {
		if got := ports.OutcomeOf(c.err); got != c.want || !slices.Contains(ports.Outcomes(), got) {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
