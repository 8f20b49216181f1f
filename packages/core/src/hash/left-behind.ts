/** What tools leave behind in folders of code, and what would make a folder differ each time it is used. */
export const leftBehind: ReadonlySet<string> = new Set([
  '.git',
  '.DS_Store',
  '.ipynb_checkpoints',
  '.mlops',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.venv',
  '__pycache__',
]);
