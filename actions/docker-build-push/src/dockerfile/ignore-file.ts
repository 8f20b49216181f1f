import dockerignore from '@balena/dockerignore';

/** What no image needs, and what must never reach a context: credentials, the repository, environments, caches. */
export const neverNeeded: readonly string[] = [
  '# Credentials',
  '**/gha-creds-*.json', // google-github-actions/auth leaves it in the workspace.
  '**/.env',
  '**/.env.*',
  '**/.netrc',
  '**/.pypirc',
  '**/pip.conf',
  '**/.aws',
  '**/.ssh',
  '**/*.pem',
  '**/*.key',
  '**/id_rsa',
  '**/id_ed25519',
  '# Repositories, environments, caches',
  '**/.git',
  '**/.hg',
  '**/.dvc/cache',
  '**/.dvc/tmp',
  '**/.venv',
  '**/venv',
  '**/node_modules',
  '**/__pycache__',
  '**/*.py[co]',
  '**/.ipynb_checkpoints',
  '**/.mypy_cache',
  '**/.pytest_cache',
  '**/.ruff_cache',
  '**/.tox',
  '**/.nox',
  '**/*.egg-info',
  '**/.DS_Store',
  '# What runs leave behind',
  '**/mlruns',
  '**/wandb',
  '**/lightning_logs',
  '**/.mlops',
];

/**
 * The ignore file of a Dockerfile that only copies what it names: nothing else reaches the builder, so no other file
 * can get into the image or have it rebuilt. The user's own rules follow and hold, except for what has to be there;
 * credentials have the last word.
 *
 * @param needed paths that the Dockerfile names, as `checkedPath` gives them.
 * @param userRules the contents of the project's .dockerignore.
 */
export function ignoreFile(
  needed: readonly string[],
  userRules: string,
): { text: string; reclaimed: string[] } {
  const own = dockerignore().add(userRules);
  const reclaimed = userRules.trim() ? needed.filter((path) => own.ignores(path)) : [];
  const lines = [
    '# Only what the Dockerfile names',
    '*',
    ...needed.map(allow),
    ...(userRules.trim() ? ['# From .dockerignore', ...userRules.trimEnd().split(/\r?\n/)] : []),
    ...(reclaimed.length ? ['# The image is not complete without', ...reclaimed.map(allow)] : []),
    ...neverNeeded,
  ];
  return { text: `${lines.join('\n')}\n`, reclaimed };
}

/** Also what only a regular expression gives a meaning to, since patterns are made into one; escaped, it has none. */
function allow(path: string): string {
  return `!${path.replace(/[*?[\]|+(){}^$]/g, '\\$&')}`;
}
