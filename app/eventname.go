package app

// eventName is the name of a line in the log that is chosen apart from where it is
// written.
type eventName string
