import { UserError } from '@mlops/core';
import { cudaVersion, versionText } from './backend.ts';

/** What the input `cuda` asks for. */
export type CudaRequest =
  | { kind: 'auto' }
  | { kind: 'cpu' }
  /** Without a minor version the newest one of the major version that serves. */
  | { kind: 'version'; written: string; major: number; minor?: number };

/** Reads the input `cuda` (but `none`): `auto`, `cpu`, `12.8`, `cu128` or `12`. `known` are the backends of uv, if it is asked. */
export function cudaRequest(written: string, known: readonly string[]): CudaRequest {
  const text = written.trim().toLowerCase();
  if (text === 'auto' || text === 'cpu') return { kind: text };
  const [, major, minor] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const [majorOfBackend, minorOfBackend] = cudaVersion(text) ?? [];
  const request =
    major !== undefined
      ? { major: Number(major), ...(minor === undefined ? {} : { minor: Number(minor) }) }
      : majorOfBackend !== undefined && minorOfBackend !== undefined
        ? { major: majorOfBackend, minor: minorOfBackend }
        : undefined;
  if (!request)
    throw new UserError(`input cuda: '${written}' is neither a version of CUDA nor 'none', 'auto' or 'cpu'`, {
      advice: known.length
        ? `uv knows ${listed(known)}; '12' is the newest of its versions that serves.`
        : "Versions are like '12.8', 'cu128' or '12'.",
    });
  return { kind: 'version', written, ...request };
}

/** Whether a backend is one that the request means. */
export function isAskedFor({ major, minor }: { major: number; minor?: number }, backend: string): boolean {
  const version = cudaVersion(backend);
  return version !== undefined && version[0] === major && (minor === undefined || version[1] === minor);
}

/** Versions of CUDA in a sentence: `13.0, 12.8 and 12.6`. */
export function listed(backends: readonly string[]): string {
  const versions = backends.map(versionText);
  return versions.length > 1
    ? `${versions.slice(0, -1).join(', ')} and ${versions.at(-1)}`
    : versions.join('');
}
