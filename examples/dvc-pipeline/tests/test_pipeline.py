"""dvc.yaml and dvc.lock go together with the code; DVC itself is asked."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


def dvc(*arguments: str) -> str:
    """What DVC prints."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout


def test_the_stages_are_those_of_the_code():
    names = [line.split()[0] for line in dvc("stage", "list").splitlines()]
    assert names == ["prepare", "features", "train", "evaluate", "explain"]
    for name in names:
        assert (REPOSITORY / "diabetes" / f"{name}.py").is_file()


def test_the_lock_is_complete():
    lock = (REPOSITORY / "dvc.lock").read_text(encoding="utf-8")
    for name in ("prepare", "features", "train", "evaluate", "explain"):
        assert f"\n  {name}:\n" in lock
