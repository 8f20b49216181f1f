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

from tumor.model import load_card, load_model
from tumor.serve import create_app
from tumor.table import MEASUREMENTS, PROCESSED, read_table

SMOKE = yaml.safe_load((REPOSITORY / "mlops.yaml").read_text("utf-8"))["cloud-deploy"]["smoke"]


@pytest.fixture(scope="module")
def client(trained):
    return TestClient(create_app(trained / "model"))


@pytest.fixture
def measurements(trained):
    test = read_table(trained / PROCESSED / "test.csv", written_by="tumor.data")
    return dict(zip(MEASUREMENTS, test.values[0].tolist(), strict=True))


def test_health(client):
    assert client.get("/health").json() == {"status": "ok"}


def test_info_tells_which_model_answers(client, trained):
    info = client.get("/info").json()
    assert info["digest"] == load_card(trained / "model")["digest"]
    assert info["inputs"] == list(MEASUREMENTS)


def test_predictions_are_those_of_the_model(client, trained):
    test = read_table(trained / PROCESSED / "test.csv", written_by="tumor.data")
    scores = load_model(trained / "model").score_measurements(test.values)
    for row, score in zip(test.values[:20].tolist(), scores, strict=False):
        answer = client.post("/predict", json=dict(zip(MEASUREMENTS, row, strict=True))).json()
        assert answer["score"] == pytest.approx(score, abs=1e-6)
        assert answer["label"] == ("malignant" if score >= 0.5 else "benign")


@pytest.mark.parametrize("request_", SMOKE, ids=range(len(SMOKE)))
def test_the_smoke_requests_of_the_deployment_hold(client, request_):
    answer = client.request(request_["method"], request_["path"], json=request_["json"])
    assert answer.status_code == request_["expect"]["status"]
    expected = request_["expect"].get("json", {})
    assert {key: answer.json()[key] for key in expected} == expected


@pytest.mark.parametrize("value", ["17.99", None, True, -1, [1], "NaN", "Infinity"])
def test_a_wrong_value_is_refused_and_named(client, measurements, value):
    # NaN and Infinity are not JSON, but Python's parser takes them.
    literal = value if value in ("NaN", "Infinity") else json.dumps(value)
    body = json.dumps({**measurements, "mean_area": "?"}).replace('"?"', literal)
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert [mistake["loc"] for mistake in answer.json()["detail"]] == [["body", "mean_area"]]


def test_missing_and_unknown_measurements_are_refused(client, measurements):
    del measurements["mean_area"]
    answer = client.post("/predict", json={**measurements, "mean_volume": 1})
    assert answer.status_code == 422
    assert sorted(mistake["loc"][1] for mistake in answer.json()["detail"]) == [
        "mean_area",
        "mean_volume",
    ]


@pytest.mark.parametrize("value", [0, 5e-324, 1.7976931348623157e308])
def test_extreme_values_get_an_answer(client, measurements, value):
    for name in ("mean_area", "worst_area"):
        assert client.post("/predict", json={**measurements, name: value}).status_code == 200


def start(cwd, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tumor.serve"],
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
