import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareSecrets } from '../../src/buildx/secrets.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const none = { values: [], envs: [], files: [] };
const prepare = (given: Partial<typeof none> | Record<string, string[]>, env: NodeJS.ProcessEnv = {}) =>
  prepareSecrets({ ...none, ...given }, { env, workingDirectory: folder, temp: folder });

describe('secrets of a build', () => {
  it('are in files that only this user reads, until they are removed', async () => {
    const secrets = await prepare({ values: ['token=a=b, c', '"key=x\ny"'] });
    const paths = secrets.args.flatMap((arg) => /^id=.*,src=(.*)$/.exec(arg)?.[1] ?? []);
    expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual(['a=b, c', 'x\ny']);
    if (process.platform !== 'win32')
      for (const path of paths) expect((await stat(path)).mode & 0o777).toBe(0o600);
    await secrets.remove();
    expect(paths.filter(existsSync)).toEqual([]);
  });

  it('come from variables and files by their name', async () => {
    await writeFile(join(folder, 'a,b.pem'), 'x');
    const { args } = await prepare({ envs: ['api=API'], files: ['cert=a,b.pem'] }, { API: 'x' });
    const src = `"src=${join(folder, 'a,b.pem')}"`;
    expect(args).toEqual(['--secret', 'id=api,env=API', '--secret', `id=cert,${src}`]);
  });

  it('that are missing are all told of, and nothing is written', async () => {
    const before = await readdir(folder);
    const tried = prepare({ values: ['s3cr3t'], envs: ['api=GONE'], files: ['cert=gone.pem'] });
    const errors = await tried.catch((error: AggregateError) => error);
    const text = JSON.stringify(errors, (_, value) =>
      value instanceof Error ? { message: value.message, errors: (value as AggregateError).errors } : value,
    );
    for (const word of ['secrets', 'GONE', 'gone.pem']) expect(text).toContain(word);
    expect(text).not.toContain('s3cr3t');
    expect(await readdir(folder)).toEqual(before);
  });
});
