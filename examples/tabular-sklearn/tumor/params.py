"""params.yaml, checked: a misspelt or impossible parameter must not train a model."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tumor.table import MEASURES

FILE = Path("params.yaml")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    """How the examples are split; what ``validation`` and ``test`` leave is for training."""

    seed: int = Field(ge=0)
    validation: float = Field(ge=0.05, le=0.4)
    test: float = Field(ge=0.05, le=0.4)


class Features(Section):
    """``ratios``: the measures that get a worst/mean column."""

    ratios: tuple[Literal[MEASURES], ...]


class Train(Section):
    """Arguments of HistGradientBoostingClassifier by their own names, and two of ours.

    ``seed`` is its random_state; ``threshold`` is the score from which an example counts as
    malignant.
    """

    seed: int = Field(ge=0)
    max_iter: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    max_leaf_nodes: int = Field(ge=2)
    min_samples_leaf: int = Field(ge=1)
    max_features: float = Field(gt=0, le=1)
    l2_regularization: float = Field(ge=0)
    threshold: float = Field(gt=0, lt=1)


class Params(Section):
    data: Data
    features: Features
    train: Train


def load_params(root: Path) -> Params:
    """Read ``root/params.yaml``; ends the program with one line per mistake."""
    path = root / FILE
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SystemExit(f"{path} is missing: run this from the root of the repository") from None
    except yaml.YAMLError as error:
        raise SystemExit(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        raise SystemExit("\n".join(f"{path}: {line}" for line in _mistakes(error))) from None


def _mistakes(error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors():
        key = ".".join(map(str, mistake["loc"])) or "file"
        got = "" if mistake["type"] == "missing" else f", got {mistake['input']!r}"
        lines.append(f"{key}: {mistake['msg']}{got}")
    return lines
