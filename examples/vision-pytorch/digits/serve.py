"""The HTTP service: ``python -m digits.serve``.

Environment: ``PORT`` (8000), ``HOST`` (127.0.0.1), ``MODEL_DIR`` (model).
"""

import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from digits import model as trained
from digits.images import DIGITS, INK, SIDE

# Seconds that requests under way get to finish after SIGTERM or SIGINT.
GRACE = 10

Pixel = Annotated[float, Field(ge=0, le=INK, allow_inf_nan=False, strict=True)]
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE)]


class Drawing(BaseModel):
    """``image``: SIDE rows of SIDE values from 0, paper, to INK."""

    model_config = ConfigDict(extra="forbid")

    image: Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE)]


class Prediction(BaseModel):
    """``score`` is the probability of ``label``, ``scores`` are those of all digits in order."""

    label: Annotated[int, Field(ge=0, lt=DIGITS)]
    score: float
    scores: list[float]


def create_app(folder: Path) -> FastAPI:
    """The service for the model in ``folder``, which is loaded now, not on the first request."""
    torch.set_num_threads(1)  # requests run side by side already
    model = trained.load_model(folder)
    info = {"name": "digits", **trained.load_card(folder), "side": SIDE, "ink": INK}
    app = FastAPI(title="digits", description=__doc__)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/info")
    def describe() -> dict[str, Any]:
        return info

    @app.post("/predict")
    def predict(drawing: Drawing) -> Prediction:
        (scores,) = model.score(np.array(drawing.image).reshape(1, -1))
        rounded = [round(float(score), 6) for score in scores]
        label = int(scores.argmax())
        return Prediction(label=label, score=rounded[label], scores=rounded)

    @app.exception_handler(RequestValidationError)
    def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI's own answer repeats the input, and fails on one that JSON cannot hold (NaN).
        mistakes = [{key: item[key] for key in ("loc", "msg", "type")} for item in error.errors()]
        return JSONResponse({"detail": mistakes}, status_code=422)

    return app


def main() -> None:
    port = os.environ.get("PORT", "8000")
    if not (port.isdecimal() and int(port) <= 65535):
        raise SystemExit(f"PORT must be a number from 0 to 65535, got {port!r}")
    try:
        app = create_app(Path(os.environ.get("MODEL_DIR", trained.FOLDER)))
    except trained.ModelError as error:
        raise SystemExit(str(error)) from None
    uvicorn.run(
        app,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(port),
        timeout_graceful_shutdown=GRACE,
    )


if __name__ == "__main__":
    main()
