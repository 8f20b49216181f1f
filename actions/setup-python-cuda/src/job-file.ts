import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes a file that lives as long as the job, for tools to read, and returns its path. Only this user can read it. */
export async function writeJobFile(temp: string, name: string, text: string): Promise<string> {
  const file = join(temp, 'mlops', 'setup-python-cuda', name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
