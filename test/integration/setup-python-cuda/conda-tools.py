"""
Stands in for micromamba, conda and pixi where those programs cannot be had: the same command lines, and a real solver
and installer (py-rattler, which pixi itself is made of). It writes every call with its environment to $CONDA_CALLS.
"""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import rattler
import yaml
from rattler.exceptions import SolverError

name = pathlib.Path(sys.argv[0]).name
arguments = sys.argv[1:]
secret_files = {each: os.environ[each] for each in ("NETRC", "RATTLER_AUTH_FILE") if each in os.environ}
modes = {each: oct(os.stat(path).st_mode)[-3:] for each, path in secret_files.items()}
with open(os.environ["CONDA_CALLS"], "a") as calls:
    calls.write(json.dumps({"tool": name, "args": arguments, "env": dict(os.environ), "modes": modes}) + "\n")



def channels_of(named):
    configured = os.environ.get("CONDA_CHANNELS", "")
    rc = os.environ.get("CONDARC")
    listed = (yaml.safe_load(open(rc)) or {}).get("channels", []) if rc else []
    return [*named, *filter(None, configured.split(",")), *listed]


async def solve_and_install(channels, specs, prefix):
    records = await rattler.solve(channels, specs, virtual_packages=rattler.VirtualPackage.detect(),
                                  gateway=rattler.Gateway(cache_dir=cache / "repodata", client=client))
    await rattler.install(records, prefix, cache_dir=cache / "pkgs", show_progress=False, client=client)


async def install_explicit(lines, prefix):
    wanted = dict(line.split("#") if "#" in line else (line, "") for line in lines)
    records = []
    for url, digest in wanted.items():
        folder, _, file = url.rpartition("/")
        channel, _, subdir = folder.rpartition("/")
        found = await rattler.Gateway(cache_dir=cache / "repodata").query(
            [channel], [subdir, "noarch"], [file.rsplit("-", 2)[0]], recursive=False)
        record = next(each for many in found for each in many if each.url == url)
        known = {record.md5 and record.md5.hex(), record.sha256 and "sha256:" + record.sha256.hex()}
        if digest and digest not in known:
            sys.exit(f"critical libmamba Found incorrect download: {file}. Aborting")
        records.append(record)
    await rattler.install(records, prefix, cache_dir=cache / "pkgs", show_progress=False, client=client)


def create(options):
    prefix, file = pathlib.Path(options.prefix), pathlib.Path(options.file)
    if prefix.exists():
        sys.exit(f"prefix already exists: {prefix}")
    text = file.read_text()
    if name == "conda" and file.name not in ("explicit.txt", "environment.yml", "environment.yaml"):
        sys.exit(f"PluginError: no environment specifier plugin for {file}")  # As from conda 26 on.
    (prefix / "conda-meta").mkdir(parents=True)
    if "@EXPLICIT" in text:
        asyncio.run(install_explicit([line for line in text.split() if "://" in line], prefix))
        return
    environment = yaml.safe_load(text)
    specs = [each for each in environment["dependencies"] if isinstance(each, str)]
    pip = [line for each in environment["dependencies"] if isinstance(each, dict) for line in each["pip"]]
    extra = [each for each in options.rest if not each.startswith("-")]
    try:
        asyncio.run(solve_and_install(channels_of(environment.get("channels", [])),
                                      [*specs, *extra], prefix))
    except SolverError as error:
        failed(error)
    if pip:
        requirements = prefix / "requirements.txt"
        requirements.write_text("\n".join(pip))
        subprocess.run([prefix / "bin/python", "-m", "pip", "install", "-q", "-r", requirements],
                       cwd=file.parent, check=True)


def failed(error):
    text = str(error).replace("Cannot solve the request because of: ", "")
    if name == "conda":
        print(f"LibMambaUnsatisfiableError: Encountered problems while solving:\n\nCould not solve for environment "
              f"specs\n{text}\n", file=sys.stderr)
    else:
        print(f"error    libmamba Could not solve for environment specs\n{text}\n"
              "critical libmamba Could not solve for environment specs", file=sys.stderr)
    sys.exit(1)


def activated(prefix):
    """The environment after the activation scripts of a prefix."""
    scripts = sorted((prefix / "etc/conda/activate.d").glob("*.sh"))
    sourced = "".join(f". '{script}' >&2\n" for script in scripts)
    env = {**os.environ, "CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": str(prefix), "CONDA_SHLVL": "1",
           "PATH": f"{prefix}/bin{os.pathsep}{os.environ['PATH']}"}
    shown = subprocess.run(["bash", "-c", f"{sourced}{sys.executable} -c 'import json,os;print(json.dumps(dict(os.environ)))'"],
                           env=env, stdout=subprocess.PIPE, check=True, text=True)
    return {key: value for key, value in json.loads(shown.stdout).items() if key not in ("_", "SHLVL", "PWD")}


def run(options):
    env = dict(os.environ) if "CONDA_STAND_IN_BROKEN" in os.environ else activated(pathlib.Path(options.prefix))
    print("activated")  # As activation scripts do.
    sys.stdout.flush()
    program = shutil.which(options.rest[0], path=env["PATH"])
    if not program:
        sys.exit(f"critical libmamba {options.rest[0]} was not found in {options.prefix}")
    sys.exit(subprocess.run([program, *options.rest[1:]], env=env).returncode)


def conda():
    if arguments == ["--version"]:
        print({"micromamba": "2.9.0", "conda": "conda 26.9.0"}[name])
        return
    words = 2 if arguments[0] == "env" else 1
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix")
    parser.add_argument("--file")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--no-capture-output", action="store_true")
    parser.add_argument("rest", nargs=argparse.REMAINDER if arguments[0] == "run" else "*")
    {"create": create, "env create": create, "run": run}[" ".join(arguments[:words])](
        parser.parse_args(arguments[words:]))


def pixi():
    if arguments == ["--version"]:
        print("pixi 0.76.2")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--manifest-path", required=True)
    parser.add_argument("--environment", action="append")
    for flag in ("--locked", "--frozen", "--json"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args(arguments[1:])
    manifest = pathlib.Path(options.manifest_path)
    document = tomllib.loads(manifest.read_text())
    document = document.get("tool", {}).get("pixi", document)
    prefixes = {each: manifest.parent / ".pixi/envs" / each for each in options.environment}
    if arguments[0] == "shell-hook":
        env = activated(prefixes[options.environment[0]])
        new = {key: value for key, value in env.items() if os.environ.get(key) != value}
        print(json.dumps({"environment_variables": {**new, "PIXI_IN_SHELL": "1"}, "activation_scripts": []}))
        return
    lock, now = manifest.parent / "pixi.lock", json.dumps(document, sort_keys=True)
    if options.locked and lock.read_text().strip() != now:
        sys.exit("Error:   × lock-file not up-to-date with the workspace")
    for each, prefix in prefixes.items():
        feature = document if each == "default" else document["feature"][each]
        specs = [f"{key} {value}" for key, value in {**document["dependencies"], **feature["dependencies"]}.items()]
        try:
            asyncio.run(solve_and_install(document["workspace"]["channels"], specs, prefix))
        except SolverError as error:
            print(f"Error:   × failed to solve requirements of environment '{each}' for platform 'linux-64'\n"
                  f"  ├─▶   × failed to solve the environment\n  │   \n"
                  f"  ╰─▶ {str(error)}", file=sys.stderr)
            sys.exit(1)
    lock.write_text(now)


cache = pathlib.Path(os.environ["CONDA_CALLS"]).parent / "rattler-cache"
client = rattler.Client.authenticated_client()  # With NETRC and RATTLER_AUTH_FILE, as pixi has it.
status = 0
try:
    pixi() if name == "pixi" else conda()
except SystemExit as end:
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    status = 1 if isinstance(end.code, str) else end.code or 0
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # rattler's threads may outlive the interpreter, which then crashes.
