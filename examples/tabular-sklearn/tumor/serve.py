"""The HTTP service: ``python -m tumor.serve``.

Environment: ``PORT`` (8000), ``HOST`` (127.0.0.1), ``MODEL_DIR`` (model).
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from tumor import model as trained
from tumor.table import LABELS, MEASUREMENTS

# Seconds that requests under way get to finish after SIGTERM or SIGINT.
GRACE = 10

Measurement = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Measurements = create_model(
    "Measurements",
    __config__=ConfigDict(extra="forbid"),
    **{name: (Measurement, ...) for name in MEASUREMENTS},
)


class Prediction(BaseModel):
    """``score`` is the probability of malignant."""

    label: Literal[LABELS]
    score: float


def create_app(folder: Path) -> FastAPI:
    """The service for the model in ``folder``, which is loaded now, not on the first request."""
    model = trained.load_model(folder)
    info = {"name": "tumor", **trained.load_card(folder), "inputs": MEASUREMENTS}
    app = FastAPI(title="tumor", description=__doc__)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/info")
    def describe() -> dict[str, Any]:
        return info

    @app.post("/predict")
    def predict(measurements: Measurements) -> Prediction:
        row = np.array([[getattr(measurements, name) for name in MEASUREMENTS]])
        score = model.score_measurements(row)
        return Prediction(label=LABELS[model.classify(score)[0]], score=round(float(score[0]), 6))

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
