"""Makes a small conda channel: conda-channel.py FOLDER SUBDIR. Its Python stands on the one that runs this script."""

import asyncio
import io
import json
import os
import pathlib
import platform
import shutil
import sys
import tarfile

from rattler.index import index_fs

channel, subdir = pathlib.Path(sys.argv[1]), sys.argv[2]
version = platform.python_version()
site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def package(name, version, depends=(), files=None, links=None, noarch=False):
    folder = channel / ("noarch" if noarch else subdir)
    folder.mkdir(parents=True, exist_ok=True)
    files, links = files or {}, links or {}
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
             "subdir": folder.name, **({"noarch": "generic"} if noarch else {})}
    paths = [{"_path": path, "path_type": "hardlink"} for path in files]
    paths += [{"_path": path, "path_type": "softlink"} for path in links]
    contents = {"info/index.json": json.dumps(index), "info/files": "\n".join([*files, *links]) + "\n",
                "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}), **files}
    with tarfile.open(folder / f"{name}-{version}-0.tar.bz2", "w:bz2") as archive:
        for path, content in contents.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
            archive.addfile(info, io.BytesIO(data))
        for path, target in links.items():
            info = tarfile.TarInfo(path)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)


def module(name, version, **more):
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {f"{site}/{name}.py": f"__version__ = {version!r}\n",
             f"{site}/{name}-{version}.dist-info/METADATA": metadata,
             f"{site}/{name}-{version}.dist-info/INSTALLER": "conda\n"}
    package(name, version, files={**files, **more.pop("files", {})}, **more)


def installed_pip():
    import pip
    folder = pathlib.Path(pip.__file__).parent
    return {f"{site}/pip/{path.relative_to(folder)}": path.read_bytes()
            for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


real = shutil.which(pathlib.Path(sys._base_executable).name, path=pathlib.Path(sys._base_executable).parent)
package("python", version, files={"pyvenv.cfg": f"home = {pathlib.Path(real).parent}\ninclude-system-site-packages = false\n"},
        links={"bin/python": real, "bin/python3": "python"})
package("pip", "23.0", ["python"], files=installed_pip())
module("six", "1.15.0", depends=["python"])
module("six", "1.16.0", depends=["python"])
module("oldsix", "1.0", depends=["python", "six <1.16"])
module("needsgpu", "1.0", depends=["python", "__cuda >=12"])
module("hello", "1.0", depends=["python"], files={
    "bin/hello": "#!/bin/sh\necho hello\n",
    "etc/conda/activate.d/hello.sh": "export HELLO_HOME=\"$CONDA_PREFIX/share/hello\"\necho activated\n",
    "share/hello/data": "x"})
package("nopython", "1.0", files={"share/nopython": "x"}, noarch=True)
asyncio.run(index_fs(channel, force=True))
os._exit(0)  # rattler's threads may outlive the interpreter, which then crashes.
