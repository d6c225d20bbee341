//go:build !linux

package standard

// inBackground is app.Deps.Background where threads have no priorities of their own.
func inBackground(work func()) { work() }
