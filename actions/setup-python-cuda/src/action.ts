import { choice, defineAction, flag, list, text } from '@mlops/core';

const condaTools = ['auto', 'micromamba', 'mamba', 'conda'] as const;

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
    'allow-python-prereleases': flag({
      description:
        'Whether alphas, betas and release candidates of Python meet a range such as `3.16` or `>=3.12` as well. One that is named (`3.16.0rc1`, `3.16-dev`) always does.',
      default: false,
    }),
    'check-latest': flag({
      description:
        'Whether the newest Python that meets the request is installed although an older one that meets it is on the machine.',
      default: false,
    }),
    'dependency-files': list({
      description:
        'Files to install from, where the one that is found is not the one meant: a lock (`uv.lock`, `pylock.toml`, `poetry.lock`, `Pipfile.lock`, `pixi.lock`, `conda-lock.yml`, an explicit list of conda), an environment (`environment.yml`, `python_env.yaml`, `pixi.toml`), `pyproject.toml`, or one or more requirements files.',
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
    constraints: list({
      description:
        'Files with constraints for what is installed without a lock, as `pip install --constraint` takes them.',
      default: [],
    }),
    resolution: choice(['highest', 'lowest', 'lowest-direct'], {
      description:
        'Which versions are chosen where no lock fixes them; `lowest` and `lowest-direct` test the lower bounds of requirements. Default: as uv is configured, otherwise `highest`.',
    }),
    prerelease: choice(['allow', 'disallow', 'if-necessary'], {
      description:
        'Whether pre-releases of packages are chosen where no lock fixes versions. Default: as uv is configured, otherwise for packages of which the requirement names one or that have nothing else.',
    }),
    'pip-version': text({
      description:
        'Version of pip to put into the virtual environment, or `latest`, for later steps that call it. Default: no pip, since uv installs.',
    }),
    install: flag({
      description:
        'Whether to make a virtual environment and install into it; `false` sets up uv and Python only.',
      default: true,
    }),
    venv: text({
      description:
        'Folder of the environment; one that fits is reused, a broken one is replaced. Not for pixi, which has a folder of its own.',
      default: '.venv',
    }),
    activate: flag({
      description:
        'Whether the steps that follow find the environment on `PATH` and in variables such as `VIRTUAL_ENV` or `CONDA_PREFIX`.',
      default: true,
    }),
    'index-url': text({
      description:
        'Address of the package index in place of the default one; `name=https://…` gives it a name. Without user and token.',
    }),
    'extra-index-urls': list({
      description: 'Addresses of further package indexes, asked before the default one, as in `index-url`.',
      default: [],
    }),
    'index-credentials': text({
      description:
        'Users and tokens of private indexes and channels, from a secret, one a line: `https://user:token@host`, or `name=user:token` for an index that has a name here or in pyproject.toml. Only this step can use them.',
      secret: true,
    }),
    'conda-tool': choice(condaTools, {
      description:
        'Program that makes conda environments. `auto` takes micromamba, mamba or conda, whichever is there, or else installs micromamba.',
      default: 'auto',
    }),
    'conda-channels': list({
      description:
        "Channels of conda beside those in the environment's file, the preferred one first: names or addresses.",
      default: [],
    }),
    condarc: text({
      description:
        'Configuration of conda, mamba or micromamba: the path of a condarc file, or its contents as a block of text.',
    }),
    'create-args': list({
      description:
        'Further arguments of the command that makes the conda environment, one a line: options, or packages to add to it (for micromamba, mamba, and explicit lists).',
      default: [],
    }),
    'pixi-environments': list({
      description:
        'Environments of pixi to install; the first one is activated. Default: the environment `default`.',
      default: [],
    }),
    'pixi-frozen': flag({
      description:
        'Whether pixi installs what `pixi.lock` says although the manifest has changed since; otherwise that is an error.',
      default: false,
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
    'uv-path': 'Absolute path of uv; not set for conda and pixi.',
    venv: 'Absolute path of the environment; not set with `install: false`.',
    'cache-hit': 'Whether the cache held an entry for exactly this environment.',
    'cache-key': "Key of this environment's cache entry; not set where nothing is cached.",
  },
});
