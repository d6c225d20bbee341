package storetest

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// method is one method of a store with arguments that suit any state of it.
type method struct {
	name string
	call func(ctx context.Context, s ports.Store) error
}

// methods returns all methods but Close and Watch.
func methods() []method {
	return []method{
		{"Get", func(ctx context.Context, s ports.Store) error { _, err := s.Get(ctx, someKey); return err }},
		{"Stat", func(ctx context.Context, s ports.Store) error { _, err := s.Stat(ctx, someKey); return err }},
		{"List", func(ctx context.Context, s ports.Store) error { _, err := s.List(ctx); return err }},
		{"Put", func(ctx context.Context, s ports.Store) error {
			_, err := s.Put(ctx, record(otherKey, "{}"), "")
			return err
		}},
		{"Touch", func(ctx context.Context, s ports.Store) error {
			return s.Touch(ctx, someKey, "never seen", someCheck())
		}},
		{"Delete", func(ctx context.Context, s ports.Store) error { return s.Delete(ctx, "absent") }},
		{"TryLeases", func(ctx context.Context, s ports.Store) error {
			_, err := s.TryLeases(ctx, []ports.Claim{{Name: "lease"}}, "holder", time.Second)
			return err
		}},
		{"Leases", func(ctx context.Context, s ports.Store) error {
			_, err := s.Leases(ctx, []string{"lease"})
			return err
		}},
		{"DropLeases", func(ctx context.Context, s ports.Store) error {
			return s.DropLeases(ctx, []string{"lease"}, "holder")
		}},
		{"GetState", func(ctx context.Context, s ports.Store) error { _, _, err := s.GetState(ctx, "state"); return err }},
		{"PutState", func(ctx context.Context, s ports.Store) error {
			_, err := s.PutState(ctx, "state", []byte("{}"), "")
			return err
		}},
		{"ExpireState", func(ctx context.Context, s ports.Store) error { return s.ExpireState(ctx, "absent", 0) }},
	}
}

func watchMethod() method {
	return method{"Watch", func(ctx context.Context, s ports.Store) error {
		return s.Watch(ctx, []domain.EnvironmentKey{someKey}, func(domain.EnvironmentKey) {})
	}}
}
