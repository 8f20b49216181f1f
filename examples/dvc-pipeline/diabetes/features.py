"""Stage ``features``: measurements on one scale, and their products."""

from dataclasses import replace
from pathlib import Path

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from diabetes.params import load_params
from diabetes.table import FEATURES, PREPARED, SPLITS, Table, read_table, write_table


def fit(train: Table, degree: int) -> Pipeline:
    """Learn the scales from ``train`` alone."""
    polynomial = PolynomialFeatures(degree, include_bias=False)
    return make_pipeline(StandardScaler(), polynomial, StandardScaler()).fit(train.values)


def apply(pipeline: Pipeline, table: Table) -> Table:
    columns = pipeline[1:].get_feature_names_out(table.columns)
    # Six digits, so that the last bits, which differ by processor, do not count as changes.
    values = pipeline.transform(table.values).round(6)
    return replace(table, columns=tuple(columns), values=values)


def main(root: Path = Path()) -> None:
    degree = load_params(root).features.degree
    tables = {
        name: read_table(root / PREPARED / f"{name}.csv", written_by="prepare") for name in SPLITS
    }
    pipeline = fit(tables["train"], degree)
    for name, table in tables.items():
        derived = apply(pipeline, table)
        write_table(root / FEATURES / f"{name}.csv", derived)
    print(f"{len(derived.columns)} features")


if __name__ == "__main__":
    main()
