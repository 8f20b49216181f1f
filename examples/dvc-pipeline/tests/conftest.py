import shutil
from pathlib import Path

import pytest

from diabetes import evaluate, explain, features, prepare, train

REPOSITORY = Path(__file__).parent.parent


def run_stages(root: Path) -> None:
    for stage in (prepare, features, train, evaluate, explain):
        stage.main(root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty working folder with the repository's params.yaml."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where all stages have run; tests must not change it."""
    folder = tmp_path_factory.mktemp("reproduced")
    shutil.copy(REPOSITORY / "params.yaml", folder)
    run_stages(folder)
    return folder
