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
    // Python and uv.
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
    'uv-version': text({
      description:
        'Version of uv, such as `0.13.9` or `>=0.9,<0.10`. Default: `required-version` in uv.toml or pyproject.toml, otherwise the uv on `PATH` or a pinned one, which alone is checked against its hash.',
    }),

    // What is installed, and where.
    install: flag({
      description: 'Whether to make an environment and install into it; `false` sets up uv and Python only.',
      default: true,
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

    // Package indexes.
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

    // CUDA.
    cuda: text({
      description:
        'Which CUDA PyTorch comes for. `none`: packages come as the lock and the index say. `auto`: what driver and GPUs of this machine can run, and without a GPU the build for processors. `cpu`, or a version that uv knows: `12.8`, `cu128`, or `13`, the newest of 13 that serves; also on a machine without GPU.',
      default: 'none',
    }),
    'cuda-packages': list({
      description:
        "Components of the CUDA toolkit to install from NVIDIA's wheels, in the version that `cuda` comes to: `nvcc`, `cudart`, `cublas`, `nvrtc`, …, and `cudnn` and `nccl`. Sets `CUDA_HOME` for later steps.",
      default: [],
    }),

    // Environments of conda and pixi.
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
        'Further arguments of the command that makes the conda environment, one a line: options, or packages to add to it (the latter not for an environment.yml with conda itself).',
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

    // The cache.
    cache: choice(['auto', 'built-wheels', 'environment', 'off'], {
      description:
        "What is cached between runs: `built-wheels`, those that were built from source; `environment`, the virtual environment, too. `auto` caches what saves time: built wheels, and the environment where restoring it has turned out to be faster than installing; nothing where uv's own cache outlives the job, or for events where a cache could be poisoned.",
      default: 'auto',
    }),
    'cache-suffix': text({
      description:
        'Part of the keys of all entries: jobs with different ones do not share entries, and with a new one all begin anew.',
    }),
    'restore-cache': flag({
      description: 'Whether entries of earlier runs are used.',
      default: true,
    }),
    'save-cache': flag({
      description: 'Whether this job saves entries for later ones.',
      default: true,
    }),
    'cache-python': flag({
      description: 'Whether an interpreter that uv had to download is cached as well.',
      default: false,
    }),
    'cache-local-path': text({
      description:
        "Folder of uv's own cache (`UV_CACHE_DIR`), also for later steps; on a self-hosted runner, one that outlives jobs and is on the workspace's file system. Default: uv's own.",
    }),
    'prune-cache': flag({
      description:
        "Whether `uv cache prune` removes what is not in use any more from uv's own cache at the end of the job, which a cache that outlives jobs needs now and then.",
      default: false,
    }),
  },
  outputs: {
    'python-version': 'Full version of Python, such as `3.12.4`.',
    'python-path':
      "Absolute path of the interpreter: the environment's, or Python's own with `install: false`.",
    'uv-path': 'Absolute path of uv; not set for conda and pixi.',
    venv: 'Absolute path of the environment; not set with `install: false`.',
    'torch-backend':
      'Backend that `cuda` came to, as uv names it: `cu128`, `cpu`; not set with `cuda: none`.',
    'index-url': "Address of that backend's package index, without credentials.",
    'cuda-version': 'Version of CUDA that `cuda` came to, such as `12.8`; not set for `cpu`.',
    'driver-version': "Version of NVIDIA's driver; not set where none works, and with `cuda: none`.",
    'gpu-json':
      'The GPUs as a JSON list, each with `name`, `computeCapability`, `memoryMiB` and `mig`; not set with `cuda: none`.',
    'cache-hit': 'Whether the cache held an entry for exactly this environment.',
    'cache-key': "Key of this environment's cache entry; not set where nothing is cached.",
    'restored-bytes': 'Size of what was restored from the cache, unpacked; 0 where nothing was.',
    'install-seconds':
      'Seconds that the environment took, restoring and installing together; not set with `install: false`.',
  },
});
