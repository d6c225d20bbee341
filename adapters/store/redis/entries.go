package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// about reads all of an entry but its body. Errors: as ports.Reader.Get.
func (s *store) about(ctx context.Context, call, name string) (entry, error) {
	return s.read(ctx, call, name, s.patience(0), aboutFields())
}

// whole reads an entry with its body and unpacks it. It asks for the size first,
// to know how long it may take: so a server that hangs costs no more than it does
// elsewhere. Errors: as ports.Reader.Get; with ports.ErrCorrupt comes the entry as
// far as it could be read.
func (s *store) whole(ctx context.Context, call, name string) (entry, []byte, error) {
	e, err := s.about(ctx, call, name)
	if err != nil {
		return e, nil, err
	}
	size, err := strconv.Atoi(e.size)
	if err != nil || size < 0 {
		return e, nil, failure(ctx, call, corrupt("the size is malformed"))
	}
	e, err = s.read(ctx, call, name, s.patience(size), append(aboutFields(), fieldBody))
	if err != nil {
		return e, nil, err
	}
	body, err := e.unseal()
	return e, body, failure(ctx, call, err)
}

func (s *store) read(ctx context.Context, call, name string, patience time.Duration, fields []string) (entry, error) {
	answers, err := do(ctx, s, call, patience, func(ctx context.Context) ([]any, error) {
		return s.client.HMGet(ctx, name, fields...).Result()
	})
	if err != nil {
		return entry{}, err
	}
	e, err := entryOf(name, fields, answers)
	return e, failure(ctx, call, err)
}

// keeping is how an entry is kept.
type keeping struct {
	lasts   time.Duration // after which it expires; 0: never
	channel string        // on which the change is announced; "": not
	message string
}

// replace puts e, whose times are set, under name if the version there is still
// ifVersion, and returns the new version. Errors: as ports.Writer.Put.
func (s *store) replace(ctx context.Context, call, name string, e entry, body []byte, ifVersion ports.Version, k keeping) (ports.Version, error) {
	// Early, for packing takes time.
	if err := ctx.Err(); err != nil {
		return "", failure(ctx, call, err)
	}
	e.name = name
	// 128 random bits: never the same again, even after Redis lost its data.
	e.version = rand.Text()
	e.seal(s.packer, body)
	err := s.swap(ctx, call, string(ifVersion), e, k)
	if ifVersion == "" && errors.Is(err, ports.ErrConflict) {
		// There is an entry with a version. If it cannot be read it counts as absent.
		unreadable, _, readErr := s.whole(ctx, call, name)
		if errors.Is(readErr, ports.ErrCorrupt) {
			if err = s.swap(ctx, call, unreadable.version, e, k); err == nil {
				s.logger.WarnContext(ctx, "store_record_replaced", "key", name, "error", readErr)
			}
		}
	}
	if err != nil {
		return "", err
	}
	return ports.Version(e.version), nil
}

func (s *store) swap(ctx context.Context, call, expected string, e entry, k keeping) error {
	arguments := append([]any{e.version, k.lasts.Milliseconds(), k.channel, k.message}, e.fields()...)
	answer, repeated, err := s.write(ctx, call, s.patience(len(e.body)), s.scripts.put, e.name, expected, arguments...)
	if err != nil {
		return err
	}
	return failure(ctx, call, answered(answer, repeated))
}

func answerError(answer string) error {
	switch answer {
	case answerConflict:
		return ports.ErrConflict
	case answerAbsent:
		return ports.ErrNotFound
	}
	return nil
}
