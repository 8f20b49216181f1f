"""Makes tiny wheels from a JSON description: a list of {folder, name, version, requires, files}."""

import base64
import hashlib
import json
import pathlib
import sys
import zipfile


def record_line(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


for wheel in json.load(sys.stdin):
    stem = f"{wheel['name'].replace('-', '_')}-{wheel['version']}"
    info = f"{stem}.dist-info"
    requires = "".join(f"Requires-Dist: {each}\n" for each in wheel["requires"])
    files = {
        **wheel["files"],
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {wheel['name']}\nVersion: {wheel['version']}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder = pathlib.Path(wheel["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    # Beside it, for an index that tells what a wheel requires without handing it out (PEP 658).
    path.with_name(f"{path.name}.metadata").write_text(files[f"{info}/METADATA"], newline="")
    with zipfile.ZipFile(path, "w") as archive:
        record = ""
        for name, text in files.items():
            # The same bytes every time, and so the same hash.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
            record += record_line(name, text.encode())
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", (2020, 1, 1, 0, 0, 0)), f"{record}{info}/RECORD,,\n")
