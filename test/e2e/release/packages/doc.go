// Package packages tests the deb and rpm packages of a release, as .goreleaser.yaml
// describes them: nfpm, which GoReleaser builds them with, builds them here without
// GoReleaser. dpkg installs, runs and removes the deb in a directory of its own; the
// rpm is unpacked. It is a module of its own, so that the proxy does not depend on nfpm.
package packages
