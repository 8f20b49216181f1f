# Made by docker-build-push; a Dockerfile of your own takes its place.
FROM ghcr.io/prefix-dev/pixi:0.76.2 AS builder
RUN --mount=type=cache,target=/root/.cache/rattler \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=bind,source=pixi.lock,target=/opt/pixi/pixi.lock \
    --mount=type=bind,source=pixi.toml,target=/opt/pixi/pixi.toml \
    ["pixi", "install", "--frozen", "--manifest-path", "/opt/pixi/pixi.toml"]

FROM scratch AS code
COPY --link ["service", "/service/"]

FROM debian:bookworm-slim
WORKDIR /app
ENV PATH=/opt/pixi/.pixi/envs/default/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    USER=app \
    HOST=0.0.0.0 \
    PORT=8000
# Packages, model and code: a change of one leaves the layers of the others as they are.
COPY --link --from=builder /opt/pixi/.pixi/envs/default /opt/pixi/.pixi/envs/default
COPY --link --from=code --chown=10001:10001 / /app/
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; service = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); service.request('GET', sys.argv[1]); sys.exit(service.getresponse().status // 100 not in (2, 3))", "/health"]
CMD ["python", "-m", "service"]
