package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// errRepeated is a write of which it is not known whether it was made.
var errRepeated = errors.New("a connection broke before Redis answered, and the write may have been made")

// attempts is an argument of a call that counts how often go-redis sends it. go-redis
// repeats a call whose connection breaks, and does not report that.
type attempts struct {
	text string
	sent atomic.Int32
}

// MarshalBinary returns the argument. go-redis calls it each time it writes the call.
func (a *attempts) MarshalBinary() ([]byte, error) {
	a.sent.Add(1)
	return []byte(a.text), nil
}

// write runs a script that writes, and returns its answer. repeated reports that the answer
// is that to a repetition: the call may have had an effect before, and somebody else may
// have written since.
func (s *store) write(ctx context.Context, call string, patience time.Duration, script *goredis.Script, key, first string, rest ...any) (answer string, repeated bool, err error) {
	a := &attempts{text: first}
	arguments := append([]any{a}, rest...)
	answer, err = do(ctx, s, call, patience, func(ctx context.Context) (string, error) {
		answer, err := script.EvalSha(ctx, s.client, []string{key}, arguments...).Text()
		if goredis.HasErrorPrefix(err, "NOSCRIPT") {
			a.sent.CompareAndSwap(1, 0) // the one attempt has done nothing
			answer, err = script.Eval(ctx, s.client, []string{key}, arguments...).Text()
		}
		return answer, err
	})
	return answer, a.sent.Load() > 1, err
}

// answered returns what the answer to a write means. That nothing was changed is not
// believed of a repetition.
func answered(answer string, repeated bool) error {
	switch {
	case answer == answerDone:
		return nil
	case repeated:
		return errRepeated
	default:
		return answerError(answer)
	}
}
