import { tool } from '../index.ts';
import type { OciLayout } from './oci-layout.ts';
import { programImage } from './program-image.ts';

/** What `# syntax=docker/dockerfile:1` names, built from BuildKit's sources. Linux on amd64 only. */
export async function frontendImage(env: NodeJS.ProcessEnv = process.env): Promise<OciLayout> {
  const capabilities = ['inputs', 'subrequests', 'contexts'].map((name) => `moby.buildkit.frontend.${name}`);
  const image = {
    name: 'frontend-image',
    programs: { 'bin/dockerfile-frontend': await tool('dockerfile-frontend', { env }) },
    config: {
      Entrypoint: ['/bin/dockerfile-frontend'],
      Labels: {
        'moby.buildkit.frontend.network.none': 'true',
        'moby.buildkit.frontend.caps': capabilities.join(','),
      },
    },
  };
  return programImage(image, env);
}
