// Package reporting tests what the proxy tells upstream of its use, on the built
// program: usage reports and analytics.
package reporting
