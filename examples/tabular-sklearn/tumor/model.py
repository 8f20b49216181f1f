"""The trained model as a folder: the estimator, and what is needed to use it rightly."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier

from tumor.features import column_names, derive

FOLDER = Path("model")
ESTIMATOR = "estimator.joblib"
CARD = "model.json"


class ModelError(Exception):
    """The model folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Model:
    estimator: HistGradientBoostingClassifier
    ratios: tuple[str, ...]
    threshold: float

    @property
    def columns(self) -> tuple[str, ...]:
        return column_names(self.ratios)

    def score(self, features: np.ndarray) -> np.ndarray:
        """Probability of malignant for rows of ``columns``."""
        return self.estimator.predict_proba(features)[:, 1]

    def score_measurements(self, measurements: np.ndarray) -> np.ndarray:
        """Probability of malignant for rows of raw measurements."""
        return self.score(derive(measurements, self.ratios))

    def classify(self, scores: np.ndarray) -> np.ndarray:
        """1 (malignant) from the threshold upwards, else 0."""
        return (scores >= self.threshold).astype(int)


def save_model(folder: Path, model: Model) -> None:
    """Write ``model``; the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model.estimator, folder / ESTIMATOR)
    card = {
        "digest": _digest(folder / ESTIMATOR),
        "scikit_learn": sklearn.__version__,
        "ratios": model.ratios,
        "threshold": model.threshold,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")


def load_card(folder: Path) -> dict:
    """What the folder says about its model: digest, scikit_learn, ratios, threshold."""
    for name in (CARD, ESTIMATOR):
        if not (folder / name).is_file():
            raise ModelError(
                f"{folder / name} is missing: train a model with `python -m tumor.train`, "
                "or set MODEL_DIR to the folder of a trained one"
            )
    return json.loads((folder / CARD).read_text(encoding="utf-8"))


def load_model(folder: Path) -> Model:
    """Read a model written by :func:`save_model`.

    Raises:
        ModelError: a file is missing, is not the one that was saved (unpickling runs code, so
            that is checked first), or was saved by another scikit-learn, which may read it wrongly.
    """
    card = load_card(folder)
    if (digest := _digest(folder / ESTIMATOR)) != card["digest"]:
        raise ModelError(
            f"{folder / ESTIMATOR} has {digest}, but {CARD} expects {card['digest']}: "
            "the file is damaged or not the one that was trained; fetch the model again"
        )
    if sklearn.__version__ != card["scikit_learn"]:
        raise ModelError(
            f"{folder} was trained with scikit-learn {card['scikit_learn']}, this is "
            f"{sklearn.__version__}: install requirements.txt of the same commit, or train again"
        )
    return Model(joblib.load(folder / ESTIMATOR), tuple(card["ratios"]), card["threshold"])


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
