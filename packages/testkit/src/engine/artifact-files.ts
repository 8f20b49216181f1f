import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { Artifact } from './artifact-server.ts';

/** The contents of an artifact by path; one that was uploaded without an archive is a single file of its name. */
export async function artifactFiles(artifact: Artifact): Promise<Record<string, Buffer>> {
  const stored = await readFile(artifact.path);
  if (artifact.contentType !== 'application/zip') return { [artifact.name]: stored };
  const files = Object.entries(unzipSync(stored)).filter(([path]) => !path.endsWith('/'));
  return Object.fromEntries(files.map(([path, content]) => [path, Buffer.from(content)]));
}
