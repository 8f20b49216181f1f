import type { Deployment, Instance } from './deployment.ts';
import { runningFronts } from './front.ts';
import { end, isRunning } from './processes.ts';

/**
 * Puts a deployment in order whose last change was cut off, by a killed job or a reboot: of the releases that were
 * serving the newest that still runs is the live one, and every other process that the state names is ended.
 */
export async function recover(deployment: Deployment): Promise<void> {
  const { live, starting, retiring, front } = deployment.state;
  const served = [live, ...retiring].filter((instance) => instance !== null);
  const serving = await firstRunning(served);
  await deployment.update({ live: serving ?? null });
  await deployment.link();
  for (const found of await runningFronts(deployment.folder))
    if (found.port === front?.port) await found.reload();
    else await found.stop();
  for (const instance of [...served, ...(starting ? [starting] : [])])
    if (instance !== serving) await end(instance.process, graceMs);
  await deployment.update({ starting: null, retiring: [] });
}

const graceMs = 10_000;

async function firstRunning(instances: readonly Instance[]): Promise<Instance | undefined> {
  for (const instance of instances) if (await isRunning(instance.process)) return instance;
  return undefined;
}
