import pytest

from diabetes.params import load_params


def write(root, old, new):
    path = root / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_repository_has_valid_params(root):
    assert load_params(root).train.alphas


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("degree: 2", "degree: 9", r"features\.degree: .*equal to 3, got 9"),
        ("degree: 2", "degree: two", r"features\.degree: .*got 'two'"),
        ("degree:", "degrees:", r"features\.degree: Field required"),
        ("degree:", "degrees:", r"features\.degrees: Extra inputs"),
        ("test: 0.25", "test: 0.9", r"prepare\.test: .*equal to 0\.4, got 0\.9"),
        ("prepare:", "prepare: [", r"not valid YAML: .*line"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_value(root, old, new, message):
    write(root, old, new)
    with pytest.raises(SystemExit, match=rf"(?s)params\.yaml.*{message}"):
        load_params(root)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"params\.yaml is missing"):
        load_params(tmp_path)
