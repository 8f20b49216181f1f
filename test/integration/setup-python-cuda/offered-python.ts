import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import { keyOf, setUp, uv, workspace, write } from './workbench.ts';

/**
 * An interpreter that uv can download, with the environment in which it finds no other one. What uv downloads is an
 * archive with an interpreter; this one hands on to this machine's. uv unpacks it into `folder` of `<workspace>/pythons`.
 */
export async function offerPython(): Promise<{
  version: string;
  folder: string;
  env: Record<string, string>;
}> {
  const { outputs } = await setUp({ inputs: { install: false, 'python-version': '>=3.10' } });
  const version = outputs['python-version'] ?? '';
  const [major, minor, patch] = version.split('.').map(Number);
  const bin = join(workspace, 'python/bin');
  await mkdir(bin, { recursive: true });
  await write({
    [`python/lib/python${major}.${minor}/_sysconfigdata__any.py`]:
      '# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n',
  });
  const program = join(bin, `python${major}.${minor}`);
  await writeFile(program, `#!/bin/sh\nexec '${outputs['python-path']}' "$@"\n`, { mode: 0o755 });
  await command('tar', ['-czf', 'python.tar.gz', 'python'], { cwd: workspace });
  const archive = join(workspace, 'python.tar.gz');
  const sha256 = createHash('sha256')
    .update(await readFile(archive))
    .digest('hex');
  const [, , os, family, libc] = await keyOf(outputs['python-path'] ?? '');
  const folder = `cpython-${version}-${os}-${family}-${libc}`;
  const download = {
    name: 'cpython',
    arch: { family, variant: null },
    os,
    libc,
    major,
    minor,
    patch,
    prerelease: '',
    url: pathToFileURL(archive).href,
    sha256,
    variant: null,
    build: null,
  };
  await write({
    'downloads.json': JSON.stringify({ [folder]: download }),
  });
  const env = {
    PATH: [dirname(uv), '/usr/bin', '/bin'].join(delimiter),
    PYENV_ROOT: join(workspace, 'none'),
    RUNNER_TOOL_CACHE: join(workspace, 'none'),
    UV_PYTHON_INSTALL_DIR: join(workspace, 'pythons'),
    UV_PYTHON_DOWNLOADS_JSON_URL: pathToFileURL(join(workspace, 'downloads.json')).href,
    UV_MANAGED_PYTHON: '1',
  };
  return { version, folder, env };
}
