// Package doctor_test stages faults around the built binary and has its doctor name them.
package doctor_test
