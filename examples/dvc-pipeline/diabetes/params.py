"""params.yaml, checked: a misspelt or impossible parameter must not train a model."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = Path("params.yaml")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prepare(Section):
    """How the patients are split; what ``validation`` and ``test`` leave is for training."""

    seed: int = Field(ge=0)
    validation: float = Field(ge=0.05, le=0.4)
    test: float = Field(ge=0.05, le=0.4)


class Features(Section):
    degree: int = Field(ge=1, le=3)


class Train(Section):
    alphas: tuple[float, ...] = Field(min_length=1)


class Explain(Section):
    seed: int = Field(ge=0)
    repeats: int = Field(ge=1, le=100)


class Params(Section):
    prepare: Prepare
    features: Features
    train: Train
    explain: Explain


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
