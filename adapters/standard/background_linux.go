package standard

import (
	"runtime"
	"syscall"
)

// backgroundNice is what is added to the nice value of background work: enough to
// give way to requests, and little enough that it still has a quarter of a
// processor that others keep busy. More would be harmful: now and then the garbage
// collector waits for every thread.
const backgroundNice = 5

// inBackground is app.Deps.Background: work runs on a thread of its own, to which
// the system prefers the others. Without that it takes whole slices of the
// processor, 4 ms long, from requests on a machine with few of them (docs/performance.md).
func inBackground(work func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Never unlocked, so that the thread ends with the goroutine: to raise a
		// priority again takes a privilege.
		runtime.LockOSThread()
		const thisThread = 0
		if inverted, err := syscall.Getpriority(syscall.PRIO_PROCESS, thisThread); err == nil {
			nice := 20 - inverted // as the system call, unlike its C function, returns it
			// If it fails, the work is done all the same.
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, thisThread, min(nice+backgroundNice, 19))
		}
		work()
	}()
	<-ended
}
