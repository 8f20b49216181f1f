import { choice, defineAction, flag, list, text } from '@mlops/core';

export const action = defineAction({
  name: 'setup-python-cuda',
  title: 'Set up Python for ML',
  description:
    "Finds the project's lock, installs the Python it asks for and exactly the packages it names, and activates the environment for the steps that follow.",
  branding: { icon: 'package', color: 'blue' },
  post: true,
  inputs: {
    'python-version': text({
      description:
        "Version of Python, as uv spells it: `3.12`, `3.12.4`, `>=3.10,<3.13`, `3.13t` (free-threaded), `pypy3.10`, or an interpreter's absolute path. Default: `python-version-file`, `.python-version`, `requires-python` in pyproject.toml, what the lock asks for, or else any Python from 3.10 on.",
    }),
    'python-version-file': text({
      description:
        'File that names the version of Python: `.python-version`, `.tool-versions` or `pyproject.toml`.',
    }),
    'dependency-files': list({
      description:
        'Files to install from, where the one that is found is not the one meant: a lock (`uv.lock`, `pylock.toml`, `poetry.lock`, `Pipfile.lock`), `pyproject.toml`, or one or more requirements files.',
      default: [],
    }),
    extras: list({
      description:
        'Extras of the project (`[project.optional-dependencies]`) to install beside its dependencies.',
      default: [],
    }),
    groups: list({
      description:
        'Dependency groups to install beside those that the manager installs by default; for requirements files, `dev` adds `requirements-dev.txt` or `requirements/dev.txt`.',
      default: [],
    }),
    'exclude-groups': list({
      description:
        'Dependency groups to leave out although the manager installs them by default, such as `dev`.',
      default: [],
    }),
    install: flag({
      description:
        'Whether to make a virtual environment and install into it; `false` sets up uv and Python only.',
      default: true,
    }),
    venv: text({
      description: 'Folder of the virtual environment; one that fits is reused, a broken one is replaced.',
      default: '.venv',
    }),
    cache: choice(['auto', 'off'], {
      description:
        "Whether packages that were built from source are cached between runs. `auto` does so where that saves time: not where uv's own cache outlives the job, and not for events where a cache could be poisoned.",
      default: 'auto',
    }),
  },
  outputs: {
    'python-version': 'Full version of Python, such as `3.12.4`.',
    'python-path':
      "Absolute path of the interpreter: the environment's, or Python's own with `install: false`.",
    'uv-path': 'Absolute path of uv.',
    venv: 'Absolute path of the virtual environment; not set with `install: false`.',
    'cache-hit': 'Whether the cache held an entry for exactly this environment.',
    'cache-key': "Key of this environment's cache entry; not set where nothing is cached.",
  },
});
