import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import type { ActionOptions } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { Project, type Trained } from './train-project.ts';

/** A Git repository with a dvc.yaml, a remote for its data, and the train action that runs in it. */
export class DvcRepository {
  readonly project: Project;
  /** A folder that DVC uses as the remote. */
  readonly remote: string;
  readonly #state: string;
  readonly #dvc: string;

  private constructor(project: Project, state: string, dvc: string) {
    this.project = project;
    this.remote = join(state, 'remote');
    this.#state = state;
    this.#dvc = dvc;
  }

  /** With these files committed; nothing has run. */
  static async with(files: Record<string, string>, train: object = {}): Promise<DvcRepository> {
    const state = await mkdtemp(join(tmpdir(), 'train-dvc-'));
    const project = await Project.with({ '.gitattributes': '* -text\n', ...files }, train);
    const repository = new DvcRepository(project, state, await tool('dvc'));
    await repository.git('init', '--quiet', '--initial-branch=main');
    await repository.dvc('init', '--quiet');
    await repository.dvc('remote', 'add', '--quiet', '--default', 'store', repository.remote);
    await repository.commit('Add the project');
    return repository;
  }

  /** The same after its first run on the machine of whoever wrote it: dvc.lock is committed, and data pushed. */
  static async reproduced(files: Record<string, string>, train: object = {}): Promise<DvcRepository> {
    const repository = await DvcRepository.with(files, train);
    await repository.reproduce();
    return repository;
  }

  /** What a developer does: run, push the data, commit. */
  async reproduce(): Promise<void> {
    await this.dvc('repro', '--quiet');
    await this.dvc('push', '--quiet');
    await this.commit('Run the stages');
  }

  /** What is left after a fresh checkout on a new runner. */
  async checkOutAnew(): Promise<void> {
    await this.git('clean', '--quiet', '-ffdx');
    await this.git('checkout', '--quiet', '--', '.');
  }

  /** Replaces text in a file, and commits it. */
  async edit(file: string, from: string, to: string): Promise<void> {
    const text = this.project.read(file);
    if (!text.includes(from)) throw new Error(`'${from}' is not in ${file}`);
    await this.project.write({ [file]: text.replace(from, () => to) });
    await this.commit(`Change ${file}`);
  }

  async commit(message: string): Promise<void> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', message);
  }

  async git(...args: string[]): Promise<string> {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'core.autocrlf=false'];
    return (await command('git', [...identity, ...args], { cwd: this.project.folder })).stdout;
  }

  async dvc(...args: string[]): Promise<string> {
    return (await command(this.#dvc, args, { cwd: this.project.folder, env: this.env })).stdout;
  }

  /** What DVC sees: itself on PATH, and nothing of this machine's settings. */
  get env(): Record<string, string> {
    return {
      PATH: `${dirname(this.#dvc)}${delimiter}${process.env.PATH}`,
      DVC_NO_ANALYTICS: '1',
      DVC_SITE_CACHE_DIR: join(this.#state, 'site'),
      DVC_GLOBAL_CONFIG_DIR: join(this.#state, 'global'),
      DVC_SYSTEM_CONFIG_DIR: join(this.#state, 'system'),
    };
  }

  train(inputs: Record<string, string | boolean> = {}, options: ActionOptions = {}): Promise<Trained> {
    return this.project.train(inputs, { ...options, env: { ...this.env, ...options.env } });
  }

  async destroy(): Promise<void> {
    await this.project.destroy();
    await rm(this.#state, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Whether DVC was started for the stages. */
export function ranDvc({ log }: Trained): boolean {
  return /^::group::dvc repro/m.test(log);
}

/** A chain like that of most projects: data → features → train → evaluate, and a stage of its own. */
export const chain = {
  'params.yaml': 'prepare:\n  lines: 3\ntrain:\n  depth: 6\nother: 1\n',
  'raw.txt': 'one two\nthree\nfour\nfive\n',
  'src/evaluate.sh': `printf '{"test": {"accuracy": 0.%s}}' "$(wc -c < model/weights.txt)" > metrics.json\n`,
  'dvc.yaml': `
stages:
  prepare:
    cmd: mkdir -p data && head -n \${prepare.lines} raw.txt > data/lines.txt
    deps: [raw.txt]
    params: [prepare.lines]
    outs: [data/lines.txt]
  features:
    cmd: tr ' ' '\\n' < data/lines.txt > data/words.txt
    deps: [data/lines.txt]
    outs: [data/words.txt]
  train:
    cmd: mkdir -p model && (echo \${train.depth}; cat data/words.txt) > model/weights.txt && printf 'step,loss\\n1,0.5\\n2,0.25\\n' > curve.csv
    deps: [data/words.txt]
    params: [train]
    outs: [model]
    plots:
      - curve.csv: { cache: false, x: step, y: loss }
  evaluate:
    cmd: bash src/evaluate.sh
    deps: [src/evaluate.sh, model]
    metrics:
      - metrics.json: { cache: false }
  count:
    cmd: wc -l < data/lines.txt > lines.count
    deps: [data/lines.txt]
    outs: [lines.count]
`,
};
