import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { annotate, type Context, type InputsOf, messageOf, milliseconds, UserError } from '@mlops/core';
import { openPackage, withPackage } from '@mlops/model-package';
import type { action } from './action.ts';
import { renderSummary } from './summary.ts';
import type { Attempt, Terms } from './targets/host/deploy.ts';
import { deployPackage, rollBack, stopServing } from './targets/host/deploy.ts';
import { deploymentFolder } from './targets/host/deployment.ts';
import { locked } from './targets/host/lock.ts';

type Inputs = InputsOf<typeof action>;
type DeployContext = Context<typeof action>;

export async function deploy(inputs: Inputs, context: DeployContext): Promise<void> {
  Object.assign(context.outputs, { outcome: 'failed', rolledBack: false });
  try {
    await execute(inputs, context);
  } catch (error) {
    context.outputs.reason = messageOf(error);
    throw error;
  }
}

async function execute(inputs: Inputs, context: DeployContext): Promise<void> {
  if (process.env.RUNNER_ENVIRONMENT === 'github-hosted')
    annotate(
      'warning',
      "This is a machine of GitHub's, which ends with the job, and the deployment with it. The target 'host' is for self-hosted runners.",
    );
  if (inputs.command === 'deploy') return deployNew(inputs, context);
  const environment = inputs.environment ?? 'default';
  const name = inputs.name ?? (await onlyDeployment(releasesPath(inputs, context), environment));
  const folder = await existingFolder(inputs, context, name);
  if (inputs.command === 'rollback')
    return recorded(inputs, context, folder, (attempt) => rollBack(folder, terms(inputs, context), attempt));
  const stopped = await locked(folder, () => stopServing(folder));
  console.log(stopped ? `Stopped ${stopped}.` : 'Nothing was running.');
  Object.assign(context.outputs, { outcome: 'stopped', deploymentPath: folder });
}

async function deployNew(inputs: Inputs, context: DeployContext): Promise<void> {
  const { install, serve } = inputs;
  if (!serve)
    throw new UserError("the input 'serve' is missing: how to start the model is not known", {
      advice: "Set it to a command that listens on $HOST:$PORT, such as 'serve: .venv/bin/python serve.py'.",
    });
  const { workingDirectory, signal, github } = context;
  const where = { ...inputs, workingDirectory, signal, temp: github.temp };
  await withPackage(where, async (archive) => {
    const pack = await openPackage(archive, signal);
    const name = inputs.name ?? pack.manifest.name;
    const folder = folderOf(inputs, context, name);
    await recorded(inputs, context, folder, (attempt) =>
      deployPackage(folder, { package: pack, install, serve }, terms(inputs, context), attempt),
    );
  });
}

/** Does the work under the deployment's lock, and tells its outcome everywhere, however it ends. */
async function recorded(
  inputs: Inputs,
  context: DeployContext,
  folder: string,
  work: (attempt: Attempt) => Promise<void>,
): Promise<void> {
  const started = Date.now();
  const attempt: Attempt = {
    outcome: 'failed',
    revision: '',
    previousRevision: null,
    url: null,
    packageDigest: null,
    modelDigest: null,
    smoke: [],
  };
  let reason: string | null = null;
  try {
    await locked(folder, () => work(attempt));
  } catch (error) {
    reason = messageOf(error);
    throw error instanceof UserError && attempt.outcome === 'rolled-back'
      ? new UserError(`rolled back to ${attempt.previousRevision}: ${error.message}`, {
          ...error,
          cause: error,
        })
      : error;
  } finally {
    tell(attempt, reason, Date.now() - started, inputs, context, folder);
  }
}

function tell(
  attempt: Attempt,
  reason: string | null,
  durationMs: number,
  { environment = 'default', target }: Inputs,
  { outputs, record, summary }: DeployContext,
  folder: string,
): void {
  const { outcome, revision, previousRevision, url, packageDigest, modelDigest } = attempt;
  Object.assign(outputs, {
    url: url ?? '',
    revision,
    previousRevision: previousRevision ?? '',
    outcome,
    rolledBack: outcome === 'rolled-back',
    deploymentPath: folder,
    reason: '',
  });
  record.deployments.push({
    target,
    environment,
    outcome,
    revision,
    previousRevision,
    url,
    digest: packageDigest,
    modelDigest,
    durationMs,
    smoke: attempt.smoke.map(({ differences: _, ...result }) => result),
    reason,
  });
  summary.push(renderSummary(attempt, reason, environment));
  if (outcome === 'unchanged')
    console.log(`Unchanged: ${revision} serves at ${url} already, and is healthy.`);
  if (outcome === 'deployed') console.log(`Deployed ${revision} at ${url}.`);
}

function terms(inputs: Inputs, { signal }: DeployContext): Terms {
  const { host, port, healthPath, smoke, keepReleases: keep } = inputs;
  if (!healthPath.startsWith('/'))
    throw new UserError(`input health-path: '${healthPath}' is not a path`, { advice: "Write '/health'." });
  const healthTimeoutMs = milliseconds(inputs.healthTimeout);
  const drainTimeoutMs = milliseconds(inputs.drainTimeout);
  return { host, port, healthPath, healthTimeoutMs, smoke, drainTimeoutMs, keep, signal };
}

function releasesPath({ releasesPath: path }: Inputs, { workingDirectory }: DeployContext): string {
  if (!path) return join(homedir(), '.mlops', 'deployments');
  return resolve(workingDirectory, path.replace(/^~(?=$|[\\/])/, homedir()));
}

function folderOf(inputs: Inputs, context: DeployContext, name: string): string {
  return deploymentFolder(releasesPath(inputs, context), inputs.environment ?? 'default', name);
}

async function existingFolder(inputs: Inputs, context: DeployContext, name: string): Promise<string> {
  const folder = folderOf(inputs, context, name);
  const names = await readdir(join(folder, '..')).catch((): string[] => []);
  if (names.includes(name)) return folder;
  throw new UserError(`there is no deployment '${name}' in '${join(folder, '..')}'`, {
    advice: names.length ? `There are: ${names.join(', ')}.` : 'Deploy first.',
  });
}

async function onlyDeployment(releases: string, environment: string): Promise<string> {
  const names = await readdir(join(releases, environment)).catch((): string[] => []);
  if (names.length === 1 && names[0]) return names[0];
  throw new UserError(
    `which deployment is meant is not clear: '${join(releases, environment)}' has ${names.length}`,
    { advice: names.length ? `Set the input 'name': ${names.join(', ')}.` : 'Deploy first.' },
  );
}
