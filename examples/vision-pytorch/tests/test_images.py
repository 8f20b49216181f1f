import numpy as np
import pytest

from digits.images import Images, read_images, write_images

IMAGES = Images(np.array([7, 9]), np.arange(128).reshape(2, 64) % 17, np.array([3, 0]))


def test_what_is_written_reads_back(tmp_path):
    write_images(tmp_path / "new" / "images.csv", IMAGES)
    back = read_images(tmp_path / "new" / "images.csv")
    for name in ("ids", "pixels", "labels"):
        assert np.array_equal(getattr(back, name), getattr(IMAGES, name))


def test_lines_end_alike_on_every_platform(tmp_path):
    write_images(tmp_path / "images.csv", IMAGES)
    header, first, _, rest = (tmp_path / "images.csv").read_bytes().split(b"\n")
    assert header.startswith(b"id,p0,p1,")
    assert header.endswith(b",p63,label")
    assert first.startswith(b"7,0,1,2,")
    assert rest == b""


def test_a_missing_file_names_the_stage_that_writes_it(tmp_path):
    with pytest.raises(SystemExit, match=r"i\.csv is missing: run `python -m digits\.data` first"):
        read_images(tmp_path / "i.csv")
