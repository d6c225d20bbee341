#!/bin/sh
# The gate of a pipeline: fails when a proxy would not start with the configuration
# that CONFIG_PATH names, or, with FETCH=1, when a key fetches no usable document.
# Keys come from variables or from the files that the configuration names; nothing
# that is printed has a key in it.
set -eu

export CONFIG_PATH="${CONFIG_PATH:-config.json}"
edge-proxy validate
if [ "${FETCH:-}" = 1 ]; then
	edge-proxy validate --fetch
fi
