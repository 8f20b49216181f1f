"""params.yaml, checked: a misspelt or impossible parameter must not train a model."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = Path("params.yaml")
# What every random number generator here can be seeded with.
LARGEST_SEED = 2**32 - 1


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    """How the images are split; what ``validation`` and ``test`` leave is for training."""

    seed: int = Field(ge=0, le=LARGEST_SEED)
    validation: float = Field(ge=0.05, le=0.4)
    test: float = Field(ge=0.05, le=0.4)


class Train(Section):
    """How the network looks and learns.

    ``channels`` is the width of the first layer, which later ones double; ``shift`` is the largest
    number of pixels that an image is moved by, at random; ``threads`` is part of the result, since
    sums are rounded in another order with another number.
    """

    seed: int = Field(ge=0, le=LARGEST_SEED)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0, le=1)
    weight_decay: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1)
    channels: int = Field(ge=1)
    shift: int = Field(ge=0, le=3)
    threads: int = Field(ge=1)
    checkpoints_per_epoch: int = Field(ge=1)


class Params(Section):
    data: Data
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
