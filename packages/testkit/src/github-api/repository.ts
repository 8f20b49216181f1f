import { createHash } from 'node:crypto';
import type {
  Artifact,
  ChangedFile,
  CheckRun,
  Comment,
  Commit,
  CommitStatus,
  Deployment,
  Dispatch,
  Environment,
  Issue,
  Label,
  Release,
  User,
  Workflow,
  WorkflowJob,
  WorkflowRun,
} from './state.ts';

/** The identity behind a workflow's GITHUB_TOKEN. */
export const ACTIONS_BOT: User = { login: 'github-actions[bot]', id: 41898282, type: 'Bot' };

/** Where a repository takes its time and its numbers from; shared by all repositories of a server. */
export interface Clock {
  now(): string;
  id(): number;
}

type Files = Record<string, string | Uint8Array>;

/** One repository's state: open to assertions, and with methods that put a test's starting point there. */
export class Repository {
  readonly id: number;
  readonly fullName: string;
  private: boolean;
  readonly defaultBranch: string;
  readonly commits = new Map<string, Commit>();
  /** Commit of each ref; names as in `heads/main` and `tags/v1`. */
  readonly refs = new Map<string, string>();
  readonly labels: Label[] = [];
  readonly issues: Issue[] = [];
  readonly comments: Comment[] = [];
  readonly checkRuns: CheckRun[] = [];
  readonly statuses: CommitStatus[] = [];
  readonly deployments: Deployment[] = [];
  readonly environments: Environment[] = [];
  readonly dispatches: Dispatch[] = [];
  readonly workflows: Workflow[] = [];
  readonly workflowRuns: WorkflowRun[] = [];
  readonly workflowJobs: WorkflowJob[] = [];
  readonly artifacts: Artifact[] = [];
  readonly releases: Release[] = [];
  readonly #clock: Clock;

  constructor(fullName: string, clock: Clock, options: { private?: boolean; defaultBranch?: string } = {}) {
    if (!/^[\w.-]+\/[\w.-]+$/.test(fullName)) throw new Error(`A repository is owner/name, not ${fullName}`);
    this.#clock = clock;
    this.id = clock.id();
    this.fullName = fullName;
    this.private = options.private ?? true;
    this.defaultBranch = options.defaultBranch ?? 'main';
  }

  get owner(): string {
    return this.fullName.slice(0, this.fullName.indexOf('/'));
  }

  get name(): string {
    return this.fullName.slice(this.fullName.indexOf('/') + 1);
  }

  /** Adds a commit on top of `branch`; `files` change the tree (an existing sha may be given, for a real repository's). */
  addCommit(options: { files?: Files; branch?: string; message?: string; sha?: string } = {}): Commit {
    const ref = `heads/${options.branch ?? this.defaultBranch}`;
    const parent = this.refs.get(ref) ?? this.refs.get(`heads/${this.defaultBranch}`);
    const message = options.message ?? 'Change';
    const commit: Commit = {
      sha: options.sha ?? sha1(`${this.fullName} ${this.#clock.id()} ${message}`),
      message,
      parents: parent ? [parent] : [],
      author: { name: 'Test', email: 'test@example.com', date: this.#clock.now() },
      files: new Map(parent ? this.commits.get(parent)?.files : []),
    };
    for (const [path, content] of Object.entries(options.files ?? {}))
      commit.files.set(path, Buffer.from(content));
    this.commits.set(commit.sha, commit);
    this.refs.set(ref, commit.sha);
    return commit;
  }

  addLabel(name: string, color = 'ededed', description: string | null = null): Label {
    const label = { id: this.#clock.id(), name, color, description };
    this.labels.push(label);
    return label;
  }

  addIssue(options: { title?: string; body?: string; user?: User; labels?: string[] } = {}): Issue {
    const now = this.#clock.now();
    const issue: Issue = {
      id: this.#clock.id(),
      number: this.issues.length + 1,
      title: options.title ?? 'An issue',
      body: options.body ?? null,
      state: 'open',
      state_reason: null,
      labels: (options.labels ?? []).map(
        (name) => this.labels.find((l) => l.name === name) ?? this.addLabel(name),
      ),
      user: options.user ?? ACTIONS_BOT,
      created_at: now,
      updated_at: now,
      closed_at: null,
    };
    this.issues.push(issue);
    return issue;
  }

  /** Opens a pull request from `head`, which is committed to when the branch does not exist yet. */
  addPullRequest(
    options: {
      head?: string;
      base?: string;
      title?: string;
      body?: string;
      draft?: boolean;
      fork?: string;
      files?: ChangedFile[];
      user?: User;
    } = {},
  ): Issue & { pull_request: NonNullable<Issue['pull_request']> } {
    const [head, base] = [options.head ?? 'feature', options.base ?? this.defaultBranch];
    const baseSha = this.refs.get(`heads/${base}`) ?? this.addCommit({ branch: base }).sha;
    const headSha = this.refs.get(`heads/${head}`) ?? this.addCommit({ branch: head }).sha;
    const pull_request = {
      id: this.#clock.id(),
      draft: options.draft ?? false,
      merged_at: null,
      head: { ref: head, sha: headSha, repository: options.fork ?? this.fullName },
      base: { ref: base, sha: baseSha },
      files: options.files ?? [],
    };
    return Object.assign(this.addIssue({ title: 'A pull request', ...options }), { pull_request });
  }

  addWorkflow(path: string, options: { name?: string; inputs?: string[] } = {}): Workflow {
    const name = options.name ?? path;
    const workflow: Workflow = { id: this.#clock.id(), name, path, state: 'active' };
    if (options.inputs) workflow.inputs = options.inputs;
    this.workflows.push(workflow);
    return workflow;
  }

  addWorkflowRun(workflow: Workflow, options: Partial<Omit<WorkflowRun, 'workflow'>> = {}): WorkflowRun {
    const head_branch = options.head_branch ?? this.defaultBranch;
    const now = this.#clock.now();
    const run: WorkflowRun = {
      id: this.#clock.id(),
      run_number: this.workflowRuns.filter((other) => other.workflow === workflow).length + 1,
      run_attempt: 1,
      workflow,
      event: 'push',
      status: 'completed',
      conclusion: 'success',
      head_branch,
      head_sha: this.refs.get(`heads/${head_branch}`) ?? this.addCommit({ branch: head_branch }).sha,
      actor: ACTIONS_BOT,
      created_at: now,
      updated_at: now,
      ...options,
    };
    this.workflowRuns.push(run);
    return run;
  }

  addWorkflowJob(
    run: WorkflowRun,
    name: string,
    options: Partial<Omit<WorkflowJob, 'run_id'>> = {},
  ): WorkflowJob {
    const now = this.#clock.now();
    const job: WorkflowJob = {
      id: this.#clock.id(),
      run_id: run.id,
      run_attempt: run.run_attempt,
      name,
      status: 'completed',
      conclusion: 'success',
      started_at: now,
      completed_at: now,
      steps: [],
      ...options,
    };
    this.workflowJobs.push(job);
    return job;
  }

  /** `data` is the zip file that a download gives. */
  addArtifact(run: WorkflowRun, name: string, data: Uint8Array): Artifact {
    const artifact: Artifact = {
      id: this.#clock.id(),
      name,
      run_id: run.id,
      expired: false,
      data: Buffer.from(data),
      created_at: this.#clock.now(),
    };
    this.artifacts.push(artifact);
    return artifact;
  }

  /** Finds a commit by its id, `heads/x`, `refs/heads/x`, or the name of a branch or tag, as GitHub's `ref` does. */
  resolve(ref: string): Commit | undefined {
    const name = ref.replace(/^refs\//, '');
    const sha = this.refs.get(`heads/${name}`) ?? this.refs.get(`tags/${name}`) ?? this.refs.get(name) ?? ref;
    return this.commits.get(sha);
  }
}

/** Git's id of a file's content. */
export function blobSha(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

export function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
