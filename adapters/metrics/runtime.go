package metrics

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus/collectors"
)

// runtimeRules choose metrics of the runtime beyond those that the Go collector always
// has: what an operator needs to see pauses, and how near the memory limit is.
func runtimeRules() []collectors.GoRuntimeMetricsRule {
	return []collectors.GoRuntimeMetricsRule{
		{Matcher: regexp.MustCompile(`^/sched/latencies:seconds$`)},
		{Matcher: regexp.MustCompile(`^/memory/classes/total:bytes$`)},
		{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)},
		{Matcher: regexp.MustCompile(`^/cpu/classes/gc/total:cpu-seconds$`)},
	}
}

// goRuntime returns the metrics of the Go collector.
func goRuntime() []Definition {
	return []Definition{
		gauge("go_info", "Always 1: the version of Go", label("version")),
		gauge("go_goroutines", "Goroutines"),
		gauge("go_threads", "Threads of the system that the runtime has made"),
		gauge("go_sched_gomaxprocs_threads", "Processors in use, see `WEB_CONCURRENCY`"),
		histogram("go_sched_latencies_seconds", "Time that goroutines waited for a processor: it grows when processors are short", nil),
		{Name: "go_gc_duration_seconds", Type: Summary, Help: "Pauses of the garbage collector", Labels: []Label{label("quantile")}},
		counter("go_cpu_classes_gc_total_cpu_seconds_total", "Processor time of the garbage collector, an upper estimate"),
		gauge("go_gc_heap_live_bytes", "Memory that the last garbage collection found in use"),
		gauge("go_gc_gogc_percent", "Growth of the heap at which a garbage collection begins"),
		gauge("go_gc_gomemlimit_bytes", "Memory limit of the runtime; the highest number there is stands for none"),
		gauge("go_memory_classes_total_bytes", "Memory that the runtime has from the system"),
		gauge("go_memstats_alloc_bytes", "Memory of objects in use"),
		counter("go_memstats_alloc_bytes_total", "Memory that was allocated, freed or not"),
		gauge("go_memstats_buck_hash_sys_bytes", "Memory of profiles"),
		counter("go_memstats_frees_total", "Objects that were freed"),
		gauge("go_memstats_gc_sys_bytes", "Memory of the garbage collector"),
		gauge("go_memstats_heap_alloc_bytes", "The same as `go_memstats_alloc_bytes`"),
		gauge("go_memstats_heap_idle_bytes", "Memory of the heap that is not in use"),
		gauge("go_memstats_heap_inuse_bytes", "Memory of the heap that is in use"),
		gauge("go_memstats_heap_objects", "Objects in use"),
		gauge("go_memstats_heap_released_bytes", "Memory of the heap that was given back to the system"),
		gauge("go_memstats_heap_sys_bytes", "Memory of the heap"),
		gauge("go_memstats_last_gc_time_seconds", "When the last garbage collection ended"),
		counter("go_memstats_mallocs_total", "Objects that were allocated"),
		gauge("go_memstats_mcache_inuse_bytes", "Memory of the allocator's caches that is in use"),
		gauge("go_memstats_mcache_sys_bytes", "Memory of the allocator's caches"),
		gauge("go_memstats_mspan_inuse_bytes", "Memory of the allocator's spans that is in use"),
		gauge("go_memstats_mspan_sys_bytes", "Memory of the allocator's spans"),
		gauge("go_memstats_next_gc_bytes", "Size of the heap at which the next garbage collection begins"),
		gauge("go_memstats_other_sys_bytes", "Other memory of the runtime"),
		gauge("go_memstats_stack_inuse_bytes", "Memory of stacks that is in use"),
		gauge("go_memstats_stack_sys_bytes", "Memory of stacks"),
		gauge("go_memstats_sys_bytes", "Memory that the runtime has from the system"),
	}
}

// operatingSystem returns the metrics of the process collector.
func operatingSystem() []Definition {
	all := []Definition{
		counter("process_cpu_seconds_total", "Processor time, user and system"),
		gauge("process_resident_memory_bytes", "Resident memory"),
		gauge("process_virtual_memory_bytes", "Virtual memory"),
		gauge("process_virtual_memory_max_bytes", "Limit of virtual memory"),
		gauge("process_open_fds", "Open files, connections included"),
		gauge("process_max_fds", "Limit of open files"),
		gauge("process_start_time_seconds", "When the process started"),
		counter("process_network_receive_bytes_total", "Bytes that the process's network interfaces received"),
		counter("process_network_transmit_bytes_total", "Bytes that the process's network interfaces sent"),
	}
	for i := range all {
		all[i].Optional = "on Linux"
	}
	return all
}
