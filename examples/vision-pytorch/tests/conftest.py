import shutil
from pathlib import Path

import pytest

from digits import data, evaluate, train

REPOSITORY = Path(__file__).parent.parent
EPOCHS = 5


def prepare(folder: Path) -> Path:
    """The repository's params.yaml in ``folder``, but for fewer epochs."""
    text = (REPOSITORY / "params.yaml").read_text("utf-8")
    short = text.replace("epochs: 100", f"epochs: {EPOCHS}")
    assert short != text
    (folder / "params.yaml").write_text(short, "utf-8")
    return folder


def run_stages(root: Path) -> None:
    for stage in (data, train, evaluate):
        stage.main(root)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs these tests may be a training with checkpoints of its own."""
    for name in ("MLOPS_CHECKPOINT_DIR", "MLOPS_RESUME_FROM", "MLOPS_SEED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty working folder with parameters for a short training."""
    return prepare(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where all stages have run; tests must not change it."""
    folder = prepare(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLOPS_CHECKPOINT_DIR", "MLOPS_RESUME_FROM", "MLOPS_SEED"):
            patch.delenv(name, raising=False)
        run_stages(folder)
    return folder


@pytest.fixture
def model_copy(trained: Path, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))
