"""The training as a process that is interrupted, as a runner does it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import EPOCHS, REPOSITORY

from digits.checkpoint import FILE
from digits.images import FOLDER

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without asking")


@pytest.fixture
def project(root: Path, trained: Path) -> Path:
    shutil.copytree(trained / FOLDER, root / FOLDER)
    return root


def start(root: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "digits.train"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(root: Path, number: int, checkpoints: int, **environment: str) -> tuple[int, str]:
    """Signal a training that has written ``checkpoints``; gives its exit code and output."""
    file = root / "checkpoints" / FILE
    seen = {_version(file)}
    with start(root, **environment) as process:
        while len(seen) <= checkpoints:
            assert process.poll() is None, "the training has ended before it was interrupted"
            seen.add(_version(file))
            time.sleep(0.005)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    return process.returncode, output


def _version(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def finish(root: Path) -> str:
    with start(root, MLOPS_RESUME_FROM="checkpoints") as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output


def assert_same_result(root: Path, trained: Path) -> None:
    for file in ("model/model.pt", "model/model.json", "curves.jsonl"):
        assert (root / file).read_bytes() == (trained / file).read_bytes(), file


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_asked_to_stop_it_saves_its_state_and_goes_on_from_there(project, trained, name):
    number = signal.Signals[name]
    code, output = interrupt(project, number, checkpoints=6)
    assert code == 128 + number
    place = output.splitlines()[-1].removeprefix(f"{name}: stopped in ").split(", with")[0]
    assert not (project / "model").exists()
    assert f"Going on in {place}\n" in finish(project)
    assert_same_result(project, trained)


def test_killed_again_and_again_it_ends_with_the_same_model(project, trained):
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    code, _ = interrupt(project, kill, checkpoints=2)
    assert code != 0
    code, _ = interrupt(project, kill, checkpoints=5, MLOPS_RESUME_FROM="checkpoints")
    assert code != 0
    assert "Going on in epoch" in finish(project)
    assert_same_result(project, trained)


def test_a_checkpoint_of_the_end_gives_the_model_again(project, trained):
    shutil.copytree(trained / "checkpoints", project / "checkpoints")
    assert f"Going on in epoch {EPOCHS}/{EPOCHS}, batch 17/17\n" in finish(project)
    assert_same_result(project, trained)


def test_a_checkpoint_of_other_parameters_is_refused_and_kept(project, trained):
    shutil.copytree(trained / "checkpoints", project / "checkpoints")
    before = (project / "checkpoints" / FILE).read_bytes()
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("dropout: 0.3", "dropout: 0.4"))
    with start(project, MLOPS_RESUME_FROM="checkpoints") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "belongs to another training (dropout 0.3 is now 0.4)" in errors
    assert len(errors.splitlines()) == 1
    assert (project / "checkpoints" / FILE).read_bytes() == before


def test_without_being_told_to_go_on_it_starts_anew(project, trained):
    (project / "checkpoints").mkdir()
    (project / "checkpoints" / FILE).write_bytes(b"of another day")
    with start(project) as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Going on" not in output
    assert_same_result(project, trained)
