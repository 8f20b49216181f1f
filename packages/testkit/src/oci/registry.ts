import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tool } from '@mlops/tools';

export interface OciRegistryOptions {
  /**
   * `distribution` is CNCF Distribution 2.8, without the referrers API; `memory` is CUE's, which has it, gives tags in
   * pages and keeps everything in memory. Default: `distribution`.
   */
  kind?: 'distribution' | 'memory';
  /** Lets in only `user` with `password`, by basic authentication (`distribution` only). */
  authenticated?: boolean;
}

/** A real container registry of its own on a free port, over plain http. */
export interface OciRegistry {
  /** `127.0.0.1:<port>`, as references name it. */
  host: string;
  port: number;
  /** Where it keeps what was pushed. */
  folder: string;
  /** Who is let in when it is authenticated. */
  credentials: { username: string; password: string };
  close(): Promise<void>;
}

/** bcrypt of `password` for `user`. */
const htpasswd = 'user:$2b$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu\n';

/** Starts a registry in a temporary folder; built on first use, see @mlops/tools. */
export async function startOciRegistry(options: OciRegistryOptions = {}): Promise<OciRegistry> {
  const { kind = 'distribution', authenticated = false } = options;
  const program = await tool('oci-registry');
  const root = await mkdtemp(join(tmpdir(), 'oci-registry-'));
  const folder = join(root, 'blobs');
  await mkdir(folder);
  const users = join(root, 'htpasswd');
  await writeFile(users, htpasswd);
  const args = ['-kind', kind, '-folder', folder, ...(authenticated ? ['-htpasswd', users] : [])];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // A test runner that is ended takes the registry along.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async () => {
    process.removeListener('exit', kill);
    kill();
    await ended;
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  };
  const host = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve)),
    ended.then(() => undefined),
  ]);
  if (host === undefined) {
    await close();
    throw new Error(`${program} ended before it listened`);
  }
  const port = Number(host.slice(host.lastIndexOf(':') + 1));
  return { host, port, folder, credentials: { username: 'user', password: 'password' }, close };
}
