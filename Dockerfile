# Built by `make image`, which prepares bin/image: the static binary, the two
# links to it and an empty /app. It has no steps that run a program, so
# every `docker build` can build it, with or without BuildKit.
FROM scratch

# The binary, and the names of the Python proxy's commands.
COPY bin/image/root/ /
# Writable, for log files and render-config; the configuration goes here.
COPY --chown=10001:10001 bin/image/app /app

ENV PATH=/
WORKDIR /app
USER 10001:10001
EXPOSE 8000
LABEL org.opencontainers.image.title="Edge Proxy" \
      org.opencontainers.image.description="Serves Flagsmith feature flags from memory, close to applications" \
      org.opencontainers.image.source="https://github.com/edge-proxy/edge-proxy" \
      org.opencontainers.image.licenses="Apache-2.0"
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/edge-proxy", "health"]
CMD ["edge-proxy-serve"]
