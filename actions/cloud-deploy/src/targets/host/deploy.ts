import { UserError } from '@mlops/core';
import type { Package } from '@mlops/model-package';
import type { SmokeRequest, SmokeResult } from '@mlops/smoke';
import { type Deployment, openDeployment } from './deployment.ts';
import { type Front, runningFronts, startFront } from './front.ts';
import { answersAs, goLive } from './go-live.ts';
import { end } from './processes.ts';
import { recover } from './recover.ts';
import { makeRelease, prune, type Release, readRelease, revisionOf } from './release.ts';

/** How a release becomes the one that serves. */
export interface Terms {
  /** The stable address; port 0 keeps the one there is, or takes a free one. */
  host: string;
  port: number;
  healthPath: string;
  healthTimeoutMs: number;
  smoke: readonly SmokeRequest[];
  drainTimeoutMs: number;
  /** How many releases stay on disk. */
  keep: number;
  signal: AbortSignal;
}

/** What has become of a deployment so far; filled in as it goes on, so that it holds whatever happens. */
export interface Attempt {
  outcome: 'deployed' | 'unchanged' | 'rolled-back' | 'failed';
  revision: string;
  previousRevision: string | null;
  url: string | null;
  packageDigest: string | null;
  modelDigest: string | null;
  smoke: SmokeResult[];
}

/** Deploys a package; nothing is touched when exactly this already serves. */
export async function deployPackage(
  folder: string,
  what: { package: Package; install: string | undefined; serve: string },
  terms: Terms,
  attempt: Attempt,
): Promise<void> {
  const revision = revisionOf(what.package.digest, what.install, what.serve);
  Object.assign(attempt, {
    revision,
    packageDigest: what.package.digest,
    modelDigest: what.package.manifest.model.digest,
  });
  const deployment = await open(folder, attempt);
  if (await servesAlready(deployment, revision, terms, attempt)) return;
  const make = async () =>
    (await readRelease(deployment, revision)) ??
    (await makeRelease(deployment, revision, what, terms.signal));
  const others = deployment.state.history.filter((other) => other !== revision);
  await serve(deployment, make, [revision, ...others], terms, attempt);
}

/** Returns to the release that served before the live one. Repeated, it goes further back. */
export async function rollBack(folder: string, terms: Terms, attempt: Attempt): Promise<void> {
  const deployment = await open(folder, attempt);
  const { live, history } = deployment.state;
  const earlier = history.slice(live ? history.indexOf(live.revision) + 1 : 0);
  const [revision] = earlier;
  const release = revision ? await readRelease(deployment, revision) : undefined;
  if (!release)
    throw new UserError(
      `there is no release to go back to${live ? `: '${live.revision}' is the oldest that is kept` : ''}`,
      { advice: "'keep-releases' says how many stay; deploy an older package anew instead." },
    );
  Object.assign(attempt, {
    revision: release.revision,
    packageDigest: release.packageDigest,
    modelDigest: release.modelDigest,
  });
  await serve(deployment, async () => release, earlier, terms, attempt);
}

/** Ends a deployment's processes; its releases stay. */
export async function stopServing(folder: string): Promise<string | undefined> {
  const deployment = await openDeployment(folder);
  await recover(deployment);
  const { live } = deployment.state;
  for (const front of await runningFronts(folder)) await front.stop();
  if (live) await end(live.process, stopGraceMs);
  await deployment.update({ live: null });
  await deployment.link();
  return live?.revision;
}

/** What a served process gets to end by itself, after it has answered its last request. */
const stopGraceMs = 10_000;

async function open(folder: string, attempt: Attempt): Promise<Deployment> {
  const deployment = await openDeployment(folder);
  await recover(deployment);
  attempt.previousRevision = deployment.state.live?.revision ?? null;
  return deployment;
}

async function servesAlready(
  { folder, state }: Deployment,
  revision: string,
  terms: Terms,
  attempt: Attempt,
): Promise<boolean> {
  if (state.live?.revision !== revision) return false;
  const fronts = await runningFronts(folder);
  const front = fronts.find(({ host, port }) => host === terms.host && [port, 0].includes(terms.port));
  if (!front || !(await answersAs(revision, front, terms.healthPath, terms.signal))) return false;
  attempt.outcome = 'unchanged';
  attempt.url = front.publicUrl;
  return true;
}

/** Brings a release to serve behind the front, which is there from the start: a port in use is found before the work. */
async function serve(
  deployment: Deployment,
  make: () => Promise<Release>,
  history: string[],
  terms: Terms,
  attempt: Attempt,
): Promise<void> {
  const { front, others, isNew } = await frontAt(deployment, terms);
  attempt.url = front.publicUrl;
  try {
    const old = await goLive(deployment, await make(), front, history, terms, attempt);
    for (const other of others) await other.stop(); // They forward to the old release to the end.
    if (old) await end(old.process, stopGraceMs);
    await deployment.update({ retiring: [] });
  } catch (error) {
    // The only front of a live release stays, even a new one; otherwise all is as it was.
    if (isNew && attempt.outcome !== 'deployed' && (others.length || !deployment.state.live))
      await front.stop();
    else await deployment.update({ front: { host: front.host, port: front.port } });
    if (!deployment.state.live) attempt.url = null;
    else if (isNew && others[0] && attempt.outcome !== 'deployed') attempt.url = others[0].publicUrl;
    throw error;
  } finally {
    await prune(deployment, terms.keep);
  }
}

/** The front at the stable address, started unless it is there, and the fronts at addresses that it replaces. */
async function frontAt(
  { folder, state }: Deployment,
  { host, port }: Terms,
): Promise<{ front: Front; others: Front[]; isNew: boolean }> {
  const wanted = port || state.front?.port || 0;
  const others: Front[] = [];
  for (const front of await runningFronts(folder)) {
    if (front.port !== wanted) others.push(front);
    else if (front.host === host) return { front, others: [], isNew: false };
    else await front.stop(); // Two cannot listen on one port of different addresses that overlap.
  }
  return { front: await startFront(folder, host, wanted), others, isNew: true };
}
