import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import {
  BranchStore,
  type DeploymentRecord,
  type GateRecord,
  type RunRecord,
  runRecordSchema,
  type TrainingRecord,
} from '@mlops/core/record';
import {
  artifactFiles,
  type Engine,
  type RunOptions,
  type RunResult,
  startEngine,
  type TemporaryRepository,
  temporaryRepository,
} from '@mlops/testkit/engine';
import { runAction } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { expect, inject } from 'vitest';
import { parse } from 'yaml';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const recordsRef = 'refs/heads/mlops-records';

/** Default: ml.yml on a push of the branch that is checked out. */
export type ExampleRun = Partial<RunOptions>;

/** An example as a repository of its own, with an origin, and the machine that its workflows run on. */
export class Example {
  readonly engine: Engine;
  readonly repository: TemporaryRepository;
  /** The project's folder: the repository's root or a folder of it. */
  readonly folder: string;
  /** The runner's home, which outlives runs: deployments are kept there. */
  readonly home: string;
  readonly #uvCache: string;

  private constructor(
    parts: { engine: Engine; repository: TemporaryRepository; home: string; uvCache: string },
    subfolder: string,
  ) {
    this.engine = parts.engine;
    this.repository = parts.repository;
    this.folder = join(parts.repository.path, subfolder);
    this.home = parts.home;
    this.#uvCache = parts.uvCache;
  }

  /**
   * A folder of `examples` (default tabular-sklearn), with the project in a subfolder where one is named; workflows
   * stand at the repository's root all the same.
   */
  static async open({ name = 'tabular-sklearn', subfolder = '.' } = {}): Promise<Example> {
    const { folder: releaseTree, slug, refs } = inject('release');
    // The user's own, so that wheels are fetched once per machine rather than once per test.
    const uvCache = (await command(await tool('uv'), ['cache', 'dir'])).stdout.trim();
    const home = await mkdtemp(join(tmpdir(), 'mlops-home-'));
    const repository = await temporaryRepository({}, { origin: true });
    const engine = await startEngine({ releaseTree, slug, refs });
    const example = new Example({ engine, repository, home, uvCache }, subfolder);
    await example.#copy(join(examples, name));
    return example;
  }

  async #copy(source: string): Promise<void> {
    const own = new Set(['.venv', '__pycache__', '.pytest_cache', '.ruff_cache']);
    await cp(source, this.folder, { recursive: true, filter: (path) => !own.has(basename(path)) });
    const root = this.repository.path;
    if (this.folder !== root) await rename(join(this.folder, '.github'), join(root, '.github'));
    await this.push('Add the example');
  }

  /** Replaces text that is in one of the project's files. */
  async edit(file: string, from: string, to: string): Promise<void> {
    const path = join(this.folder, file);
    const text = await readFile(path, 'utf8');
    expect(text, file).toContain(from);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }

  /** Writes files by their paths in the repository. */
  async add(files: Record<string, string>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.repository.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  /** Commits everything and pushes the branch that is checked out. */
  async push(message: string): Promise<void> {
    await this.repository.commit(message);
    await this.git('push', '--quiet', 'origin', 'HEAD');
  }

  git(...args: string[]): Promise<string> {
    return this.repository.git(...args);
  }

  run({ env, ...options }: ExampleRun = {}): Promise<RunResult> {
    return this.engine.run({
      repository: this.repository.path,
      workflow: 'ml.yml',
      env: { HOME: this.home, UV_CACHE_DIR: this.#uvCache, ...env },
      ...options,
    });
  }

  /** What the model at a URL makes of the first two samples of mlops.yaml. */
  async labels(url: string): Promise<(string | number)[]> {
    const config = parse(await readFile(join(this.folder, 'mlops.yaml'), 'utf8'));
    const samples = (config['cloud-deploy'].smoke as { json: object }[]).slice(0, 2);
    return Promise.all(
      samples.map(async ({ json }) => {
        const response = await fetch(new URL('/predict', url), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(json),
        });
        expect(response.status).toBe(200);
        return ((await response.json()) as { label: string | number }).label;
      }),
    );
  }

  get records(): BranchStore {
    return new BranchStore({ remote: { url: pathToFileURL(this.origin).href } });
  }

  /** The commit of the records' branch at origin, empty as long as there is none. */
  async recordsTip(): Promise<string> {
    const found = await this.git('ls-remote', this.origin, recordsRef);
    return found.split('\t')[0] ?? '';
  }

  /** The bare repository that is pushed to. */
  get origin(): string {
    if (!this.repository.origin) throw new Error('the repository has no origin');
    return this.repository.origin;
  }

  /** Stops what was deployed, and removes everything. */
  async close(): Promise<void> {
    try {
      for (const path of await deploymentsBelow(join(this.home, '.mlops', 'deployments'))) {
        const [environment, name] = [basename(dirname(path)), basename(path)];
        const stopped = await runAction(join(inject('release').folder, 'actions', 'cloud-deploy'), {
          entry: join('dist', 'index.js'),
          inputs: { command: 'stop', target: 'host', environment, name },
          env: { HOME: this.home },
        });
        await stopped.runner.remove();
        expect(stopped.exitCode, stopped.stdout).toBe(0);
      }
    } finally {
      await this.engine.close();
      await this.repository.close();
      await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

async function deploymentsBelow(root: string): Promise<string[]> {
  const environments = await readdir(root).catch((): string[] => []);
  const names = environments.map(async (environment) =>
    (await readdir(join(root, environment))).map((name) => join(root, environment, name)),
  );
  return (await Promise.all(names)).flat();
}

/** How each job ended, by its name. */
export function jobsOf({ jobs }: RunResult): Record<string, string> {
  return Object.fromEntries(jobs.map(({ name, result }) => [name, result]));
}

/** Fails with what the jobs complained about, which says more than that the run failed. */
export function expectSuccess(run: RunResult): void {
  const errors = run.annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
  const failed = run.jobs.filter(({ result }) => result === 'failure').map(({ name }) => name);
  expect({ errors, failed, problems: run.problems }).toEqual({ errors: [], failed: [], problems: [] });
  expect(run.success, run.log).toBe(true);
  expect(run.orphans).toEqual([]);
}

export function noticesOf(run: RunResult): string[] {
  return run.annotations.filter(({ level }) => level === 'notice').map(({ message }) => message);
}

export interface Report {
  record: RunRecord;
  page: string;
  training: TrainingRecord;
  gate: GateRecord;
  deployment: DeploymentRecord | undefined;
}

/** The run's report artifact, its record checked against the schema. */
export async function reportOf(run: RunResult): Promise<Report> {
  const artifact = run.artifacts.find(({ name }) => name.startsWith('mlops-report'));
  if (!artifact) throw new Error(`no report among ${run.artifacts.map(({ name }) => name).join(', ')}`);
  const files = await artifactFiles(artifact);
  const record = runRecordSchema.parse(JSON.parse(String(files['run-record.json'])));
  const [training] = record.jobs.flatMap(({ trainings }) => trainings);
  const [gate] = record.jobs.flatMap(({ gates }) => gates);
  const [deployment] = record.jobs.flatMap(({ deployments }) => deployments);
  if (!training || !gate) throw new Error('the record has no training or no gate');
  return { record, page: String(files['report.html']), training, gate, deployment };
}

/** Names of the stages that ended so. */
export function stagesThat(outcome: string, { stages }: TrainingRecord): string[] {
  return stages.filter((stage) => stage.outcome === outcome).map(({ name }) => name);
}
