/** A version of CUDA: `[12, 8]`. */
export type CudaVersion = readonly [major: number, minor: number];

/** The version that a torch backend of uv stands for: `cu128` is 12.8, `cu92` is 9.2; undefined for `cpu` and others. */
export function cudaVersion(backend: string): CudaVersion | undefined {
  const [, major, minor] = /^cu(\d+)(\d)$/.exec(backend) ?? [];
  return major && minor ? [Number(major), Number(minor)] : undefined;
}

/** `12.8` for `cu128`; the backend itself where it is not CUDA. */
export function versionText(backend: string): string {
  return cudaVersion(backend)?.join('.') ?? backend;
}

/** Negative where `a` is the older of two backends; those without CUDA come before all. */
export function compareBackends(a: string, b: string): number {
  const [aMajor, aMinor] = cudaVersion(a) ?? [0, 0];
  const [bMajor, bMinor] = cudaVersion(b) ?? [0, 0];
  return aMajor - bMajor || aMinor - bMinor;
}
