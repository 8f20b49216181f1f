from pathlib import Path

import pytest
from conftest import REPOSITORY

from digits.params import load_params


def write(root: Path, old: str, new: str) -> None:
    path = root / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_repository_has_valid_params():
    assert load_params(REPOSITORY).train.epochs > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate: 0.003", "learning_rate: 3", r"train\.learning_rate: .*equal to 1, got 3"),
        ("learning_rate: 0.003", "learning_rate: fast", r"train\.learning_rate: .*got 'fast'"),
        ("learning_rate:", "learning-rate:", r"train\.learning_rate: Field required"),
        ("learning_rate:", "learning-rate:", r"train\.learning-rate: Extra inputs"),
        ("batch_size: 64", "batch_size: 0", r"train\.batch_size: .*equal to 1, got 0"),
        ("test: 0.25", "test: 0.9", r"data\.test: .*equal to 0\.4, got 0\.9"),
        ("data:", "data: [", r"not valid YAML: .*line"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_value(root, old, new, message):
    write(root, old, new)
    with pytest.raises(SystemExit, match=rf"(?s)params\.yaml.*{message}"):
        load_params(root)


def test_an_empty_file_is_refused(root):
    (root / "params.yaml").write_text("")
    with pytest.raises(SystemExit, match=r"params\.yaml: file: .*got None"):
        load_params(root)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"params\.yaml is missing"):
        load_params(tmp_path)
