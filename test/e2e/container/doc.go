// Package container tests the container image: it builds the image as `make
// image` does and runs it on a Docker engine. Its tests have the build tag
// integration.
package container
