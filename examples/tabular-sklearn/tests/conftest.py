import shutil
from pathlib import Path

import pytest

from tumor import data, evaluate, features, train

REPOSITORY = Path(__file__).parent.parent


def run_stages(root: Path) -> None:
    for stage in (data, features, train, evaluate):
        stage.main(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty working folder with the repository's params.yaml."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where all stages have run; tests must not change it."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copy(REPOSITORY / "params.yaml", folder)
    run_stages(folder)
    return folder


@pytest.fixture
def model_copy(trained: Path, tmp_path: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))
