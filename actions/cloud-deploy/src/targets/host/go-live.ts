import { annotate, DeadlineError, group, UserError, waitFor } from '@mlops/core';
import { runSmoke } from '@mlops/smoke';
import { ask } from '@mlops/smoke/http';
import type { Attempt, Terms } from './deploy.ts';
import type { Deployment, Instance } from './deployment.ts';
import type { Front } from './front.ts';
import { type Server, startServer } from './instance.ts';
import type { Release } from './release.ts';

/**
 * Starts a release beside the one that serves, and lets the front forward to it once it is healthy and answers the
 * smoke requests. When anything is wrong, also after the switch, it is withdrawn and the old one serves on. Returns the
 * old one, drained and ready to be stopped.
 */
export async function goLive(
  deployment: Deployment,
  release: Release,
  front: Front,
  history: string[],
  terms: Terms,
  attempt: Attempt,
): Promise<Instance | null> {
  const before = deployment.state;
  const server = await startServer(deployment, release);
  console.log(`Started ${release.revision} at ${server.url}`);
  try {
    await server.healthy(terms.healthPath, terms.healthTimeoutMs, terms.signal);
    attempt.smoke = await runSmoke(server.url, terms.smoke, terms.signal);
    requireAllPassed(attempt);
    await deployment.update({
      live: server.instance,
      starting: null,
      retiring: before.live ? [before.live] : [],
      front: { host: front.host, port: front.port },
      history,
    });
    await deployment.link();
    await front.reload();
    await verify(release.revision, front, terms);
  } catch (error) {
    await withdraw(server, deployment, before, front, terms);
    if (before.live) attempt.outcome = 'rolled-back';
    throw error;
  }
  attempt.outcome = 'deployed';
  if (before.live) await drain(before.live, front, terms.drainTimeoutMs);
  return before.live;
}

/** Whether the stable URL gives a healthy answer of this revision. */
export async function answersAs(
  revision: string,
  front: Front,
  healthPath: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { status, headers } = await ask(`${front.url}${healthPath}`, { timeoutMs: 5000, signal });
    return status >= 200 && status < 300 && headers['x-mlops-revision'] === revision;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function requireAllPassed({ smoke, revision }: Attempt): void {
  const failed = smoke.filter(({ passed }) => !passed);
  if (failed.length === 0) return;
  const lines = failed.flatMap(({ request, differences }) =>
    differences.map((line) => `  ${request}: ${line}`),
  );
  throw new UserError(
    `the release ${revision} failed ${failed.length} of ${smoke.length} smoke requests:\n${lines.join('\n')}`,
    { advice: "Correct the model, or what the input 'smoke' expects of it." },
  );
}

/** A release that was healthy on its own port must be so through the front, too. */
async function verify(revision: string, front: Front, { healthPath, signal }: Terms): Promise<void> {
  const look = async (limit: AbortSignal) =>
    (await answersAs(revision, front, healthPath, limit)) || undefined;
  try {
    await waitFor(look, { what: 'verification', deadlineMs: verifyLimitMs, everyMs: 100, signal });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    throw new UserError(
      `the release ${revision} was healthy by itself, but not at the stable URL ${front.url}${healthPath} after the switch`,
      {
        cause: error,
        advice:
          'Check whether it refuses requests that come through a proxy (with X-Forwarded-For), or many at once.',
      },
    );
  }
}

const verifyLimitMs = 5000;

/** Everything as it was before: the old release never stopped. Not cut off by a cancelled run, which is one reason for it. */
async function withdraw(
  server: Server,
  deployment: Deployment,
  before: Deployment['state'],
  front: Front,
  { drainTimeoutMs }: Terms,
): Promise<void> {
  const wasLive = deployment.state.live === server.instance;
  await deployment.update({ ...before, starting: server.instance });
  try {
    if (wasLive) {
      await deployment.link();
      await front.reload();
      await drain(server.instance, front, drainTimeoutMs);
    }
  } finally {
    await server.abandon();
    await deployment.update({ starting: null });
  }
  const lines = await server.log(200);
  await group(`Log of ${server.instance.revision}, which is withdrawn`, async () => {
    for (const line of lines) console.log(line);
  });
}

/** Waits until a release that gets no new requests has answered those it has. */
async function drain({ port, revision }: Instance, front: Front, withinMs: number): Promise<void> {
  const look = async () => ((await front.underWay(port)) === 0 ? true : undefined);
  try {
    await waitFor(look, { what: 'draining', deadlineMs: withinMs, everyMs: 50 });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const left = await front.underWay(port);
    annotate(
      'warning',
      `${left} requests to ${revision} were cut off: they were not done ${withinMs / 1000} s after the switch. A longer 'drain-timeout' leaves them more time.`,
    );
  }
}
