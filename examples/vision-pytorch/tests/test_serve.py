import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest
import yaml
from conftest import REPOSITORY
from fastapi.testclient import TestClient

from digits.images import FOLDER, read_images
from digits.model import load_card, load_model
from digits.serve import create_app

SMOKE = yaml.safe_load((REPOSITORY / "mlops.yaml").read_text("utf-8"))["cloud-deploy"]["smoke"]


@pytest.fixture(scope="module")
def client(trained):
    return TestClient(create_app(trained / "model"))


@pytest.fixture
def image():
    return [[0] * 8 for _ in range(8)]


def test_health(client):
    assert client.get("/health").json() == {"status": "ok"}


def test_info_tells_which_model_answers(client, trained):
    info = client.get("/info").json()
    assert info["digest"] == load_card(trained / "model")["digest"]
    assert (info["side"], info["ink"]) == (8, 16)


def test_predictions_are_those_of_the_model(client, trained):
    pixels = read_images(trained / FOLDER / "test.csv").pixels[:20]
    for row, scores in zip(pixels, load_model(trained / "model").score(pixels), strict=True):
        answer = client.post("/predict", json={"image": row.reshape(8, 8).tolist()}).json()
        assert answer["label"] == scores.argmax()
        assert answer["score"] == answer["scores"][answer["label"]]
        assert answer["scores"] == pytest.approx(scores.tolist(), abs=1e-5)


@pytest.mark.parametrize("request_", SMOKE, ids=range(len(SMOKE)))
def test_the_smoke_requests_of_the_deployment_hold(client, request_):
    answer = client.request(request_["method"], request_["path"], json=request_["json"])
    assert answer.status_code == request_["expect"]["status"]
    expected = request_["expect"].get("json", {})
    assert {key: answer.json()[key] for key in expected} == expected


@pytest.mark.parametrize("value", ["3", None, True, -1, 16.5, [1], "NaN", "Infinity"])
def test_a_wrong_pixel_is_refused_and_named(client, image, value):
    # NaN and Infinity are not JSON, but Python's parser takes them.
    literal = value if value in ("NaN", "Infinity") else json.dumps(value)
    image[2][5] = "?"
    body = json.dumps({"image": image}).replace('"?"', literal)
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert [mistake["loc"] for mistake in answer.json()["detail"]] == [["body", "image", 2, 5]]


def test_an_image_of_another_size_is_refused(client, image):
    assert client.post("/predict", json={"image": image[:7]}).status_code == 422
    image[3].append(0)
    answer = client.post("/predict", json={"image": image})
    assert [mistake["loc"] for mistake in answer.json()["detail"]] == [["body", "image", 3]]


def test_an_unknown_field_is_refused(client, image):
    answer = client.post("/predict", json={"image": image, "digit": 4})
    assert [mistake["loc"] for mistake in answer.json()["detail"]] == [["body", "digit"]]


def start(cwd, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "digits.serve"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_server_listens_on_port_and_ends_gracefully(trained):
    server = start(trained, PORT="0")  # the system picks a free one
    with server:
        try:
            lines = iter(server.stderr.readline, "")
            address = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", x) for x in lines)))
            with urllib.request.urlopen(f"{address[0]}/health", timeout=30) as answer:
                assert json.load(answer) == {"status": "ok"}
        finally:
            server.terminate()
        rest = server.stderr.read()
        server.wait(timeout=30)
    if sys.platform != "win32":  # terminate() is no signal there
        assert "Application shutdown complete" in rest
        assert server.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, r"model\.json is missing: train a model with"),
        ({"PORT": "http"}, r"PORT must be a number from 0 to 65535, got 'http'"),
        ({"PORT": "65536"}, r"PORT must be a number from 0 to 65535, got '65536'"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(tmp_path, environment, message):
    server = start(tmp_path, **environment)
    _, stderr = server.communicate(timeout=60)
    assert server.returncode == 1
    assert re.search(message, stderr)
    assert len(stderr.splitlines()) == 1
