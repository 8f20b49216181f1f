import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, getManifest, parseReference } from '@mlops/oci';
import { type BuildKit, publishImages, startBuildKit } from '@mlops/testkit/buildkit';
import { type OciProxy, type OciRegistry, startOciProxy, startOciRegistry } from '@mlops/testkit/oci';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';

/** docker-build-push with a real BuildKit, and a real registry behind a proxy that breaks what it is told to. */
export interface Rig {
  registry: OciRegistry;
  proxy: OciProxy;
  buildkit: BuildKit;
  folder: string;
  /** What a step needs to find BuildKit, and what runs an image to try it. */
  env: Record<string, string>;
  /** A project's folder with these files. */
  project(name: string, files: Record<string, string | Buffer>): Promise<string>;
  run(
    workspace: string,
    inputs: Record<string, string | number | boolean>,
    options?: ActionOptions,
  ): Promise<ActionResult>;
  /** The registry's own address, which is not broken, before a name. */
  image(name: string): string;
  /** The same behind the proxy. */
  proxied(name: string): string;
  close(): Promise<void>;
}

const action = fileURLToPath(new URL('../../actions/docker-build-push', import.meta.url));

export async function startRig(): Promise<Rig> {
  const registry = await startOciRegistry();
  // Whatever Python an example asks for is the one that there is.
  const tags = ['3.10', '3.12', '3.13', '3.14'].map((version) => `${version}-slim`);
  await publishImages(registry.host, ['python', 'dockerfile', 'scanner'], tags);
  const proxy = await startOciProxy(registry.host);
  const buildkit = await startBuildKit({ mirror: registry.host });
  const folder = await mkdtemp(join(tmpdir(), 'docker-build-push-'));
  const env = {
    ...buildkit.env,
    PATH: `${buildkit.env.PATH}${delimiter}${dirname(await tool('runc'))}`,
  };
  const results: ActionResult[] = [];
  return {
    ...{ registry, proxy, buildkit, folder, env },
    async project(name, files) {
      const root = join(folder, name);
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content);
      }
      return root;
    },
    async run(workspace, inputs, options = {}) {
      const result = await runAction(action, {
        ...{ workspace, inputs, ...options },
        env: { ...env, ...options.env },
      });
      results.push(result);
      return result;
    },
    image: (name) => `${registry.host}/${name}`,
    proxied: (name) => `${proxy.host}/${name}`,
    async close() {
      for (const { runner } of results) await runner.remove();
      await buildkit.close();
      await proxy.close();
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A manifest as the registry has it. */
export async function inRegistry(reference: string) {
  const { repository, target } = connect(parseReference(reference), { attempts: 1 });
  const { descriptor, bytes } = await getManifest(repository, target);
  return { ...descriptor, json: JSON.parse(bytes.toString()) };
}

export const messagesOf = ({ annotations }: ActionResult, wanted: 'error' | 'warning' | 'notice') =>
  annotations.flatMap(({ level, message }) => (level === wanted ? [message] : []));
