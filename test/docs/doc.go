// Package docs tests the documentation: that links lead somewhere, commands and
// settings exist, and what can be loaded loads.
package docs
