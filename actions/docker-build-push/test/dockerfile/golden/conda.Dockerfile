# Made by docker-build-push; a Dockerfile of your own takes its place.
FROM mambaorg/micromamba:2.9.0 AS builder
# hadolint ignore=DL3002
USER 0
RUN --mount=type=cache,target=/opt/conda/pkgs \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=condarc,target=/root/.condarc \
    --mount=type=bind,source=environment.yml,target=/src/environment.yml \
    ["micromamba", "create", "--yes", "--always-copy", "--prefix", "/opt/venv", "--file", "/src/environment.yml"]

FROM scratch AS code
COPY --link ["service", "/service/"]

FROM debian:bookworm-slim
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    USER=app \
    HOST=0.0.0.0 \
    PORT=8000
# Packages, model and code: a change of one leaves the layers of the others as they are.
COPY --link --from=builder /opt/venv /opt/venv
COPY --link --from=code --chown=10001:10001 / /app/
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; service = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); service.request('GET', sys.argv[1]); sys.exit(service.getresponse().status // 100 not in (2, 3))", "/health"]
CMD ["python", "-m", "service"]
