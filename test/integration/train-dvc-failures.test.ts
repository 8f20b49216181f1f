import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { tool } from '@mlops/tools';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chain, DvcRepository } from './train-dvc-project.ts';

vi.setConfig({ testTimeout: 300_000 });

let repository: DvcRepository;
afterEach(() => repository.destroy());

const train = { model: 'model' };
const errorsOf = async (inputs: Record<string, string> = {}): Promise<string[]> => {
  const result = await repository.train(inputs);
  expect(result.exitCode).toBe(1);
  expect(result.log).not.toMatch(/^ {4}at /m);
  return result.errors;
};

describe('a user is told', () => {
  test('which stage failed, with its last words; what succeeded before it is kept', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.edit('src/evaluate.sh', 'printf', `echo 'no such model' >&2; exit 3\nprintf`);
    expect(await errorsOf()).toEqual([
      "stage 'evaluate' of dvc.yaml failed: its command 'bash src/evaluate.sh' exited with code 3. Its last words:\n  no such model\nIts whole log is above, in the group 'dvc repro'.",
    ]);
    await repository.checkOutAnew();
    await repository.edit('src/evaluate.sh', 'exit 3', 'true');
    const mended = await repository.train();
    expect(mended.errors).toEqual([]);
    expect(mended.ran).toContain('evaluate');
    expect(mended.skipped).toEqual(expect.arrayContaining(['prepare', 'features', 'train']));
  });

  test('the record of a run that failed has what became of each stage', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.edit('dvc.yaml', "tr ' '", "false && tr ' '");
    const result = await repository.train();
    expect(result.outcome('prepare')).toBe('ran');
    expect(result.outcome('features')).toBe('failed');
    expect(result.outcome('train')).toBe('not-reached');
  });

  test('at which line dvc.yaml is not YAML, and where it has a key that DVC does not know', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.edit('dvc.yaml', 'deps: [raw.txt]', 'deps: [raw.txt');
    const [broken = ''] = await errorsOf();
    expect(broken).toMatch(/^dvc\.yaml:[5-7] not valid for DVC: /);
    await repository.edit('dvc.yaml', 'deps: [raw.txt', 'dependencies: [raw.txt]');
    const [unknown = ''] = await errorsOf();
    expect(unknown).toMatch(
      /^dvc\.yaml:[3-5] not valid for DVC: extra keys not allowed, in stages -> prepare/,
    );
  });

  test('what has to be installed when there is no DVC', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.dvc('remote', 'modify', '--quiet', 'store', 'url', 's3://bucket/data');
    const withoutDvc = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('dvc'));
    const result = await repository.train({}, { env: { PATH: withoutDvc.join(delimiter) } });
    expect(result.errors).toEqual([
      "dvc.yaml is run by DVC, and there is no program dvc\nAdd 'dvc[s3]' to the project's requirements and lock them again; setup-python-cuda, earlier in the job, then installs it.",
    ]);
  });

  test('that the DVC there cannot use the kind of remote', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.checkOutAnew();
    await repository.dvc('remote', 'modify', '--quiet', 'store', 'url', 's3://bucket/data');
    expect(await errorsOf()).toEqual([
      "the DVC that is installed cannot use s3 remotes: 'dvc-s3' is missing\nReplace 'dvc' by 'dvc[s3]' in the project's requirements and lock them again.",
    ]);
  });

  test('that there is no remote, or none of that name', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.checkOutAnew();
    expect(await errorsOf({ 'dvc-remote': 'stor' })).toEqual([
      "there is no remote 'stor'\nDid you mean 'store'? See .dvc/config.",
    ]);
    await repository.dvc('remote', 'remove', '--quiet', 'store');
    expect(await errorsOf()).toEqual([
      "data is missing here, and the project has no default remote to fetch it from: model\nName a remote in the input 'dvc-remote', or set one with 'dvc remote add -d' and commit .dvc/config.",
    ]);
  });

  test('which data is missing in the remote', async () => {
    repository = await DvcRepository.reproduced(chain, train);
    await repository.checkOutAnew();
    await rm(join(repository.remote, 'files'), { recursive: true });
    const [missing = ''] = await errorsOf();
    expect(missing).toBe(
      `data is missing, neither in the cache nor in the remote 'store' (${repository.remote}): model\nRun 'dvc push' where the data is. Some remotes answer the same when they do not know the credentials. Outputs of stages can be made again: name the stages in the input 'force'.`,
    );
    await repository.edit('params.yaml', 'depth: 6', 'depth: 7');
    const [input = ''] = await errorsOf();
    expect(input).toContain(
      `neither in the cache nor in the remote 'store' (${repository.remote}): data/words.txt`,
    );
  });

  test('that a remote asks for credentials', async () => {
    const server = createServer((_, response) => response.writeHead(401).end());
    const { port } = await listening(server);
    try {
      repository = await DvcRepository.reproduced(chain, train);
      await repository.checkOutAnew();
      await repository.dvc(
        'remote',
        'modify',
        '--quiet',
        'store',
        'url',
        `http://user:word@127.0.0.1:${port}/data`,
      );
      const [refused = ''] = await errorsOf();
      expect(refused).toContain(`the remote 'store' (http://127.0.0.1:${port}/data)`);
      expect(refused).toContain('credentials');
    } finally {
      server.close();
    }
  });

  test('that another process holds the lock of the project', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.dvc('status', '--quiet').catch(() => {}); // Makes the folder of the lock.
    const python = join(dirname(await tool('dvc')), process.platform === 'win32' ? 'python.exe' : 'python');
    const hold = `import sys, zc.lockfile\nlock = zc.lockfile.LockFile(sys.argv[1])\nprint('held', flush=True)\nsys.stdin.read()`;
    const holder = spawn(python, ['-c', hold, join(repository.project.folder, '.dvc', 'tmp', 'lock')]);
    const ended = new Promise((resolve) => holder.once('close', resolve));
    try {
      await new Promise((resolve) => holder.stdout.once('data', resolve));
      expect(await errorsOf()).toEqual([
        "another process of DVC works in this project, and holds its lock\nLet one step at a time use the project. When none does, a process that was killed has left '.dvc/tmp/lock': remove it.",
      ]);
    } finally {
      holder.stdin.end();
      await ended;
    }
  });

  test('that the folder .dvc is missing, and that nothing says what to train', async () => {
    repository = await DvcRepository.with(chain, train);
    await repository.project.remove('.dvc');
    expect(await errorsOf()).toEqual([
      "dvc.yaml:1 there is a dvc.yaml, but no DVC project: the folder .dvc is missing\nRun 'dvc init' where the project's root is, and commit the folder .dvc.",
    ]);
    await repository.project.remove('dvc.yaml');
    expect(await errorsOf()).toEqual([
      "train: the input 'run' is missing, and there is neither a dvc.yaml nor an MLproject\nSet it with 'with: run:' or as 'train: run:' in mlops.yaml, or name the folder with dvc.yaml or MLproject in 'working-directory'.",
    ]);
  });
});

async function listening(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address() as AddressInfo;
}
