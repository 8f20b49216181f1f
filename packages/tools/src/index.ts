import { type ToolName, tools } from './catalog.ts';
import { installedDebianPython, isDebian } from './debian.ts';
import { installedDebianProgram } from './debian-program.ts';
import { installedGoProgram } from './go.ts';
import { installedPythonProgram } from './python.ts';
import { toolsFolder } from './store.ts';

export type { ToolName } from './catalog.ts';
export { type Chromium, chromium } from './chromium.ts';
export { isDebian } from './debian.ts';
export { baseImage, pythonVersion } from './images/base-image.ts';
export { frontendImage } from './images/frontend-image.ts';
export { type ImageConfig, type OciLayout, writeOciLayout } from './images/oci-layout.ts';
export { scannerImage } from './images/scanner-image.ts';
export { toolsFolder } from './store.ts';

export interface ToolOptions {
  /** Where tools are kept. Default: `$MLOPS_TOOLS_DIR`, otherwise `mlops/tools` in the user's cache folder. */
  folder?: string;
  /** The environment that python, pip and go see, and with it the user's mirror, proxy and certificates. */
  env?: NodeJS.ProcessEnv;
}

const started = new Map<string, Promise<string>>();

/**
 * The absolute path of a pinned outside program, installed on first use into a cache outside the checkout. Throws a
 * UserError that says what is missing on the machine and how to get it.
 */
export function tool(name: ToolName, options: ToolOptions = {}): Promise<string> {
  const { env = process.env, folder = toolsFolder(env) } = options;
  const key = `${folder}\0${name}`;
  const running = started.get(key) ?? install(name, folder, env);
  started.set(key, running);
  running.catch(() => started.delete(key)); // So that a second call tries again, after what was missing was mended.
  return running;
}

async function install(name: ToolName, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const source = tools[name];
  if ('module' in source || 'sources' in source)
    return installedGoProgram(name, source, folder, env, () => tool('go', { folder, env }));
  if ('release' in source) return installedDebianProgram(name, source, folder, env);
  if (!('debian' in source)) return installedPythonProgram(name, source, folder, env);
  return (await isDebian(source.debian, env))
    ? installedDebianPython(name, source, folder, env, () => tool('uv', { folder, env }))
    : installedPythonProgram(name, source.otherwise, folder, env, 'python');
}
