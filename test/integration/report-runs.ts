import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GateRecord, JobRecord, RuleRecord } from '@mlops/core/record';
import { type ArtifactServer, startArtifactServer } from '@mlops/testkit/engine';
import { type GitHubApi, type Permissions, type Repository, startGitHubApi } from '@mlops/testkit/github-api';
import { type ActionOptions, type ActionResult, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import { job, Origin, training } from './origin.ts';

const action = fileURLToPath(new URL('../../actions/report', import.meta.url));

export const everyPower: Permissions = {
  contents: 'read',
  actions: 'read',
  'pull-requests': 'write',
  checks: 'write',
};

export interface ReportOptions extends ActionOptions {
  /** What the job's earlier steps recorded. */
  record?: JobRecord;
  permissions?: Permissions;
  /** Numbers the run (default: each its own). */
  run?: number;
  attempt?: number;
}

/** The action `report` in runs of a repository on GitHub. */
export class ReportRuns {
  readonly api: GitHubApi;
  readonly repository: Repository;
  readonly origin: Origin;
  readonly #artifacts: ArtifactServer;
  readonly #results: ActionResult[] = [];
  #run = 100;

  private constructor(api: GitHubApi, origin: Origin, artifacts: ArtifactServer) {
    this.api = api;
    this.repository = api.repository('acme/model');
    this.origin = origin;
    this.#artifacts = artifacts;
  }

  static async start(files: Record<string, string> = { 'train.py': '' }): Promise<ReportRuns> {
    const origin = await Origin.with(files);
    const artifacts = await startArtifactServer(join(origin.root, 'artifacts'));
    return new ReportRuns(await startGitHubApi(), origin, artifacts);
  }

  async report(
    inputs: Record<string, string>,
    { record, permissions = everyPower, run = ++this.#run, attempt = 1, env, ...options }: ReportOptions = {},
  ): Promise<ActionResult> {
    const before = await fakeRunner({ workspace: this.origin.checkout });
    if (record) {
      await mkdir(join(before.temp, 'mlops'), { recursive: true });
      await writeFile(join(before.temp, 'mlops', 'run-record.json'), JSON.stringify(record));
    }
    const token = this.api.token(permissions);
    const result = await runAction(action, {
      after: before,
      workspace: this.origin.checkout,
      inputs: { record: 'never', 'github-token': token, ...inputs },
      ...options,
      env: {
        ACTIONS_RESULTS_URL: this.#artifacts.url,
        ACTIONS_RUNTIME_TOKEN: this.#artifacts.token(String(run)),
        GITHUB_API_URL: this.api.url,
        GITHUB_RUN_ID: String(run),
        GITHUB_RUN_ATTEMPT: String(attempt),
        GITHUB_WORKFLOW: 'ML',
        GITHUB_WORKFLOW_REF: 'acme/model/.github/workflows/ml.yml@refs/heads/main',
        ...env,
      },
    });
    this.#results.push(result);
    const shown = result.stdout.replaceAll(`::add-mask::${token}`, '') + result.stderr;
    if (shown.includes(token)) throw new Error('The token was printed.');
    return result;
  }

  /** What an event of this pull request hands to a run. */
  ofPull(pull: { number: number; pull_request: { head: { sha: string; ref: string; repository: string } } }) {
    const { head } = pull.pull_request;
    const payload = {
      repository: { full_name: 'acme/model', default_branch: 'main' },
      pull_request: {
        number: pull.number,
        head: { sha: head.sha, ref: head.ref, repo: { full_name: head.repository } },
        base: { sha: 'b'.repeat(40), ref: 'main' },
      },
    };
    return { event: 'pull_request', payload };
  }

  async stop(): Promise<void> {
    await this.api.close();
    await this.#artifacts.close();
    for (const { runner } of this.#results.splice(0)) await runner.remove();
    await this.origin.remove();
  }
}

export const messages = ({ annotations }: ActionResult, level: string) =>
  annotations.flatMap((one) => (one.level === level ? [one.message] : []));

export function rule(
  metric: string,
  verdict: RuleRecord['verdict'],
  changes: Partial<RuleRecord> = {},
): RuleRecord {
  return {
    metric,
    rule: 'threshold',
    bound: 0.9,
    candidate: 0.8,
    baseline: null,
    change: null,
    explanation: `it is ${verdict}`,
    greaterIsBetter: true,
    severity: 'fail',
    verdict,
    ...changes,
  };
}

export function gated(verdict: GateRecord['verdict'], changes: Partial<GateRecord> = {}): JobRecord {
  const gate = {
    verdict,
    passed: verdict === 'pass' || verdict === 'warn',
    rules: [rule('accuracy', verdict)],
    baseline: null,
    ...changes,
  };
  return job(1, { gates: [gate], trainings: [training({ metrics: { accuracy: 0.8 } })] });
}
