import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { installed, toolsFolder } from '../store.ts';
import { type ImageConfig, type OciLayout, tarFlags, writeOciLayout } from './oci-layout.ts';

export interface ProgramImage {
  /** In the cache. */
  name: string;
  /** Paths in the image and the files that come there, which all may be executed. */
  programs: Record<string, string>;
  /** Paths in the image and what they link to. */
  links?: Record<string, string>;
  config: ImageConfig;
}

/** An image with nothing but programs, which have to bring their libraries; kept in the tools' cache. */
export async function programImage(image: ProgramImage, env: NodeJS.ProcessEnv): Promise<OciLayout> {
  const hash = createHash('sha256').update(JSON.stringify([image.links, image.config]));
  for (const [path, file] of Object.entries(image.programs)) hash.update(path).update(await readFile(file));
  const key = `${image.name}-${hash.digest('hex').slice(0, 16)}`;
  const folder = await installed(toolsFolder(env), key, ['blobs'], async (target) => {
    const work = await mkdtemp(join(tmpdir(), 'program-image-'));
    try {
      const root = join(work, 'root');
      await mkdir(join(root, 'tmp'), { recursive: true });
      await chmod(join(root, 'tmp'), 0o1777);
      for (const [path, file] of Object.entries(image.programs)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await copyFile(file, join(root, path));
        await chmod(join(root, path), 0o755);
      }
      for (const [path, to] of Object.entries(image.links ?? {})) await symlink(to, join(root, path));
      const layer = join(work, 'layer.tar');
      const owner = ['--owner=0', '--group=0'];
      await command('tar', [...tarFlags, ...owner, '--create', '--file', layer, '--directory', root, '.'], {
        env,
      });
      await writeOciLayout(target, [layer], image.config);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return { folder };
}
