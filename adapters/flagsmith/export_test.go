package flagsmith

// ParseDiscovered is for fuzzing, which has no time for HTTP.
var ParseDiscovered = parseDiscovered
