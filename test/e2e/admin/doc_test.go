// Package admin_test tests the admin listener of the built binary.
package admin_test
