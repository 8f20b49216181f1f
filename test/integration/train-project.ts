import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrainingRecord } from '@mlops/core/record';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';

const action = fileURLToPath(new URL('../../actions/train', import.meta.url));

/** A small ML project, the caches of its runner, and the train action that runs in it. */
export class Project {
  readonly folder: string;
  readonly #root: string;
  readonly #runs: ActionResult[] = [];

  private constructor(root: string) {
    this.#root = root;
    this.folder = join(root, 'project');
  }

  /** With these files, and mlops.yaml with this section for train. */
  static async with(files: Record<string, string>, train: object): Promise<Project> {
    const project = new Project(await realpath(await mkdtemp(join(tmpdir(), 'train-'))));
    await project.write({ ...files, 'mlops.yaml': JSON.stringify({ train }, null, 2) });
    return project;
  }

  /** The pipeline data → features → train → evaluate; `text` goes in at the front, `params.json` in the middle. */
  static pipeline(): Promise<Project> {
    return Project.with(pipelineFiles, pipeline);
  }

  async write(files: Record<string, string>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeFile(join(this.folder, path), content);
    }
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  async remove(...paths: string[]): Promise<void> {
    for (const path of paths) await rm(join(this.folder, path), { recursive: true, force: true });
  }

  /** What is left after a fresh checkout on a new runner: no outputs. */
  async checkOutAnew(): Promise<void> {
    await this.remove('data', 'model', 'metrics.json', 'checkpoints', '.mlops');
    await rm(join(this.#root, 'tools'), { recursive: true, force: true });
  }

  /** Removes cache entries: those that hold a file of this path. Returns how many there were. */
  async evict(path: string): Promise<number> {
    let evicted = 0;
    for (const entry of await this.#entries())
      if (existsSync(join(entry, 'files', path))) {
        await rm(entry, { recursive: true });
        evicted += 1;
      }
    return evicted;
  }

  /** Writes other bytes, as many, into the kept copies of a file. */
  async damage(path: string): Promise<void> {
    for (const entry of await this.#entries()) {
      const file = join(entry, 'files', path);
      if (existsSync(file)) await writeFile(file, 'x'.repeat(readFileSync(file).length));
    }
  }

  /** Paths of all files that the cache keeps. */
  async cached(): Promise<string[]> {
    const entries = await this.#entries();
    return entries
      .flatMap((entry) => readdirSync(join(entry, 'files'), { recursive: true }).map(String))
      .map((path) => path.replaceAll('\\', '/'))
      .sort();
  }

  /** All of the cache, its own files among them, as one text. */
  async cachedText(): Promise<string> {
    const folder = join(this.#root, 'cache');
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8')).join('\n');
  }

  async #entries(): Promise<string[]> {
    const cache = join(this.#root, 'cache');
    const versions = (await readdir(cache).catch(() => [])).filter((name) => name !== 'tmp');
    return versions.flatMap((version) =>
      readdirSync(join(cache, version)).map((key) => join(cache, version, key)),
    );
  }

  /** The last of several runs need not be kept: all that a run wrote goes with the project. */
  async train(inputs: Record<string, string | boolean> = {}, options: ActionOptions = {}): Promise<Trained> {
    const result = await runAction(action, {
      ...options,
      inputs: { matrix: 'null', ...inputs },
      workspace: this.folder,
      env: {
        MLOPS_CACHE_DIR: join(this.#root, 'cache'),
        RUNNER_TOOL_CACHE: join(this.#root, 'tools'),
        ...options.env,
      },
    });
    this.#runs.push(result);
    return new Trained(result);
  }

  /** The action's post step, at the end of the job of a run. */
  async finishJob({ result }: Trained, inputs: Record<string, string | boolean> = {}): Promise<Trained> {
    const after = await runAction(action, {
      phase: 'post',
      after: result,
      inputs: { matrix: 'null', ...inputs },
      env: { MLOPS_CACHE_DIR: join(this.#root, 'cache') },
    });
    this.#runs.push(after);
    return new Trained(after);
  }

  async destroy(): Promise<void> {
    for (const run of this.#runs) await run.runner.remove();
    await rm(this.#root, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What a run of the action left. */
export class Trained {
  readonly result: ActionResult;

  constructor(result: ActionResult) {
    this.result = result;
  }

  get exitCode(): number | null {
    return this.result.exitCode;
  }

  get log(): string {
    return this.result.stdout;
  }

  get outputs(): Record<string, string> {
    return this.result.outputs;
  }

  get ran(): string[] {
    return JSON.parse(this.outputs['stages-run'] ?? '[]') as string[];
  }

  get skipped(): string[] {
    return JSON.parse(this.outputs['stages-skipped'] ?? '[]') as string[];
  }

  get training(): TrainingRecord | undefined {
    return this.result.record?.trainings.at(-1);
  }

  get restored(): string[] {
    const outputs = this.training?.stages.flatMap((stage) => stage.outputs) ?? [];
    return outputs.filter(({ restored }) => restored).map(({ path }) => path);
  }

  /** `file:line message` and the advice below it, of every error. */
  get errors(): string[] {
    return this.result.annotations
      .filter(({ level }) => level === 'error')
      .map(({ file, line, message }) => `${file ? `${file}:${line ?? 1} ` : ''}${message}`);
  }

  why(stage: string): string | undefined {
    return this.training?.stages.find(({ name }) => name === stage)?.reason;
  }

  outcome(stage: string): string | undefined {
    return this.training?.stages.find(({ name }) => name === stage)?.outcome;
  }
}

const stage = (code: string) =>
  `import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';\n${code}\n`;

const pipelineFiles = {
  'src/text.txt': 'one  two three\n',
  'src/data.mjs': stage(`writeFileSync('data/raw.txt', readFileSync('src/text.txt'));`),
  'src/features.mjs': stage(`
    const words = readFileSync('data/raw.txt', 'utf8').trim().split(/\\s+/);
    writeFileSync('data/features.json', JSON.stringify(words));`),
  'src/train.mjs': stage(`
    const { train } = JSON.parse(readFileSync('params.json', 'utf8'));
    mkdirSync('model');
    writeFileSync('model/weights.json', JSON.stringify({ depth: train.max_depth, features: readFileSync('data/features.json', 'utf8') }));
    console.log('trained with depth ' + train.max_depth);`),
  'src/evaluate.mjs': stage(`
    const { depth } = JSON.parse(readFileSync('model/weights.json', 'utf8'));
    writeFileSync('metrics.json', JSON.stringify({ test: { accuracy: depth / 10 } }));`),
  'params.json': '{"train": {"max_depth": 6}, "other": 1}',
};

export const pipeline = {
  run: [
    {
      name: 'data',
      run: 'node src/data.mjs',
      inputs: ['src/data.mjs', 'src/text.txt'],
      outputs: ['data/raw.txt'],
    },
    {
      name: 'features',
      run: 'node src/features.mjs',
      inputs: ['src/features.mjs', 'data/raw.txt'],
      outputs: ['data/features.json'],
    },
    {
      name: 'train',
      run: 'node src/train.mjs',
      inputs: ['src/train.mjs', 'data/features.json'],
      params: ['train.max_depth'],
      outputs: ['model'],
    },
    {
      name: 'evaluate',
      run: 'node src/evaluate.mjs',
      inputs: ['src/evaluate.mjs', 'model'],
      outputs: ['metrics.json'],
    },
  ],
  model: 'model',
  metrics: ['metrics.json'],
  'params-file': 'params.json',
};
