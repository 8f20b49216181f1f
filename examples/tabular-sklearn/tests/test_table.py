import numpy as np
import pytest

from tumor.table import Table, read_table, write_table


def test_csv_keeps_every_bit(tmp_path):
    values = np.array([[0.1, 1 / 3], [5e-324, np.nan], [-0.0, 1.7976931348623157e308]])
    table = Table(np.array([7, 8, 9]), ("a", "b"), values, np.array([0, 1, 0]))
    write_table(tmp_path / "new" / "table.csv", table)
    back = read_table(tmp_path / "new" / "table.csv", written_by="nobody")
    assert back.columns == table.columns
    assert back.values.tobytes() == table.values.tobytes()
    assert back.ids.tolist() == [7, 8, 9]
    assert back.labels.tolist() == [0, 1, 0]


def test_lines_end_alike_on_every_platform(tmp_path):
    write_table(tmp_path / "t.csv", Table(np.array([1]), ("a",), np.array([[2.5]]), np.array([1])))
    assert (tmp_path / "t.csv").read_bytes() == b"id,a,label\n1,2.5,1\n"


def test_a_missing_table_names_the_stage_that_writes_it(tmp_path):
    with pytest.raises(SystemExit, match=r"t\.csv is missing: run `python -m tumor\.data` first"):
        read_table(tmp_path / "t.csv", written_by="tumor.data")
