package sse_test

import (
	"bufio"
	"testing"
	"testing/synctest"
	"time"
)

// Streams of a drained node end within seconds, not all at once, and ask their listeners
// to reconnect; so do those that are opened meanwhile.
func TestDrainEndsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, _, pipes := serve(t)
		const listeners = 20
		began := time.Now()
		ended := make(chan time.Duration, listeners)
		follow := func(events *bufio.Reader) {
			if got := block(t, events); got != "retry: 2000\n" {
				t.Errorf("told %q before the end", got)
			}
			wantEnd(t, events)
			ended <- time.Since(began)
		}
		for range listeners - 1 {
			go follow(listen(t, pipes))
		}
		streams.Drain()
		streams.Drain() // once more changes nothing
		go follow(listen(t, pipes))
		var first, last time.Duration
		for i := range listeners {
			took := <-ended
			if i == 0 {
				first = took
			}
			last = max(last, took)
		}
		if last > 5*time.Second || last-first < time.Second {
			t.Errorf("streams ended from %s to %s after the drain began, want them spread over 5 s", first, last)
		}
		synctest.Wait()
		if got := streams.Stats().Closed["drain"]; got != listeners {
			t.Errorf("%d streams ended because of the drain, want %d", got, listeners)
		}
	})
}

// After Undrain, streams stay open that have not ended yet, and later drains end them.
func TestUndrainKeepsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, pipes := serve(t)
		events := listen(t, pipes)
		for range 3 {
			streams.Drain()
			synctest.Wait()
			streams.Undrain()
			streams.Undrain()
			<-time.After(6 * time.Second)
			told.send(time.UnixMicro(1767323045000000))
			for got := ""; got != "event: environment_updated\ndata: {\"updated_at\": 1767323045}\n"; got = block(t, events) {
				if got == "retry: 2000\n" {
					t.Fatal("the stream ends")
				}
			}
		}
		streams.Drain()
		for got := ""; got != "retry: 2000\n"; got = block(t, events) {
		}
		wantEnd(t, events)
	})
}
