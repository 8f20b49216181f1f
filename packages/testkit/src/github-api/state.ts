/** What the server remembers, in GitHub's own property names. Times are ISO 8601 text, ids are unique per server. */

export interface User {
  login: string;
  id: number;
  type: 'User' | 'Bot';
}

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
}

/** Every pull request is an issue too and shares its number. */
export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  state_reason: string | null;
  labels: Label[];
  user: User;
  created_at: string;
  updated_at: string;
  closed_at: string | null;
  pull_request?: PullRequest;
}

export interface PullRequest {
  id: number;
  draft: boolean;
  merged_at: string | null;
  /** `repository` is the fork's full name when the branch lives in a fork. */
  head: { ref: string; sha: string; repository: string };
  base: { ref: string; sha: string };
  files: ChangedFile[];
}

export interface ChangedFile {
  filename: string;
  status: 'added' | 'removed' | 'modified' | 'renamed';
  additions: number;
  deletions: number;
  patch?: string;
}

export interface Comment {
  id: number;
  issue_number: number;
  body: string;
  user: User;
  created_at: string;
  updated_at: string;
  /** Why it is folded away, such as OUTDATED. */
  minimized?: string;
}

export interface Annotation {
  path: string;
  start_line: number;
  end_line: number;
  start_column?: number;
  end_column?: number;
  annotation_level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string;
  raw_details?: string;
}

export interface CheckRun {
  id: number;
  name: string;
  head_sha: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  details_url: string | null;
  external_id: string;
  started_at: string | null;
  completed_at: string | null;
  output: { title: string | null; summary: string | null; text: string | null };
  /** All annotations of all requests, in order. */
  annotations: Annotation[];
}

export interface CommitStatus {
  id: number;
  sha: string;
  state: 'error' | 'failure' | 'pending' | 'success';
  context: string;
  description: string | null;
  target_url: string | null;
  creator: User;
  created_at: string;
}

export interface Deployment {
  id: number;
  sha: string;
  ref: string;
  task: string;
  environment: string;
  description: string | null;
  payload: unknown;
  transient_environment: boolean;
  production_environment: boolean;
  creator: User;
  created_at: string;
  /** Oldest first. */
  statuses: DeploymentStatus[];
}

export interface DeploymentStatus {
  id: number;
  state: 'error' | 'failure' | 'inactive' | 'pending' | 'success' | 'queued' | 'in_progress';
  description: string;
  environment: string;
  environment_url: string;
  log_url: string;
  creator: User;
  created_at: string;
}

export interface Environment {
  id: number;
  name: string;
  created_at: string;
  updated_at: string;
}

export type Dispatch =
  | { kind: 'repository'; event_type: string; client_payload: Record<string, unknown> }
  | { kind: 'workflow'; workflow: string; ref: string; inputs: Record<string, unknown> };

export interface Workflow {
  id: number;
  name: string;
  path: string;
  state: 'active' | 'disabled_manually';
  /** Names of the `workflow_dispatch` inputs; any input is accepted when absent. */
  inputs?: string[];
}

export interface WorkflowRun {
  id: number;
  run_number: number;
  run_attempt: number;
  workflow: Workflow;
  event: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  head_branch: string;
  head_sha: string;
  actor: User;
  created_at: string;
  updated_at: string;
}

export interface WorkflowJob {
  id: number;
  run_id: number;
  run_attempt: number;
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  started_at: string;
  completed_at: string | null;
  steps: { name: string; status: 'queued' | 'in_progress' | 'completed'; conclusion: string | null }[];
}

export interface Artifact {
  id: number;
  name: string;
  run_id: number;
  expired: boolean;
  /** The zip file. */
  data: Buffer;
  created_at: string;
}

export interface Commit {
  sha: string;
  message: string;
  parents: string[];
  author: { name: string; email: string; date: string };
  /** The whole tree, by path with forward slashes. */
  files: Map<string, Buffer>;
}

export interface Release {
  id: number;
  tag_name: string;
  target_commitish: string;
  name: string | null;
  body: string | null;
  draft: boolean;
  prerelease: boolean;
  author: User;
  created_at: string;
  published_at: string | null;
  assets: ReleaseAsset[];
}

export interface ReleaseAsset {
  id: number;
  name: string;
  label: string | null;
  content_type: string;
  data: Buffer;
  uploader: User;
  created_at: string;
  updated_at: string;
}
