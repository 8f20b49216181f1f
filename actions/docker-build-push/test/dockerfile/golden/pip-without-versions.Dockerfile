# Made by docker-build-push; a Dockerfile of your own takes its place.
FROM python:3.13-slim AS builder
ENV UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/venv
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    printf '%s ' uv==0.13.9 \
        --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19 \
        --hash=sha256:2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25 \
        --hash=sha256:ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375 \
        --hash=sha256:5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe \
        --hash=sha256:a6e845f387e4ed55bb59342957a9179e24a631fcc7668bda3426ae1cef8ed4b9 \
        --hash=sha256:c5dbdb7c8737cd183a9dce95b39cfd1f3d54ec2a27a1bb58f160293f9ba2c805 \
        --hash=sha256:6b0c7b9f47a5d011939d61e324d3fe18a8bc155d8dd53add738709a92f290a7c > /tmp/uv.txt \
    && python -m pip install --root-user-action=ignore --require-hashes --requirement /tmp/uv.txt
RUN ["uv", "venv", "--python", "/usr/local/bin/python", "/opt/venv"]
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=requirements.txt,target=/src/requirements.txt \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=uv.toml,target=/etc/uv/uv.toml \
    ["uv", "pip", "install", "--python", "/opt/venv", "--requirement", "/src/requirements.txt"]

FROM scratch AS code
COPY --link ["service", "/service/"]

FROM python:3.13-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
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
