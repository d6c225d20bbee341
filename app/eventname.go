package app

// eventName is the name of a line in the log that is chosen apart from where it is written.
// The page docs/logs.md has all events; its test finds the constants of this type.
type eventName string
