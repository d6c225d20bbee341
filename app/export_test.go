package app

// Guard puts the store's guard in front of a store, for tests.
var Guard = guard
