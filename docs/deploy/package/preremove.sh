#!/bin/sh
# The proxy stops when the package is removed, but not when it is upgraded. Debian
# passes a word, RPM the number of versions that remain.
set -e
case "$1" in
  remove | 0)
    if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
      systemctl disable --now edge-proxy.service
    fi
    ;;
esac
