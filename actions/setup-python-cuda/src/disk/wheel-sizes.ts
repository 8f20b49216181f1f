/** A package that is to be installed, with the size of its file as it is downloaded. */
export interface PackageSize {
  name: string;
  version: string;
  bytes: number;
}

/** What decides which of a package's wheels is installed. */
export interface WheelTarget {
  platform: NodeJS.Platform;
  arch: string;
  /** `3.12.4` */
  python: string;
}

interface LockedFile {
  url?: string;
  path?: string;
  name?: string;
  filename?: string;
  size?: number;
}

interface LockedEntry {
  name?: string;
  version?: string;
  wheels?: LockedFile[];
  sdist?: LockedFile;
}

/**
 * What the packages of a uv.lock (`package`) or pylock.toml (`packages`) weigh: of each the largest file that fits the
 * target, whether a marker selects it or not. Undefined where the lock does not tell sizes; a package without a file,
 * such as the project itself, weighs nothing.
 */
export function sizesInLock(
  document: { package?: LockedEntry[]; packages?: LockedEntry[] },
  target: WheelTarget,
): PackageSize[] | undefined {
  const sizes: PackageSize[] = [];
  for (const { name = '', version = '', wheels = [], sdist } of document.packages ?? document.package ?? []) {
    const fitting = wheels.filter((file) => fits(fileName(file), target));
    const files = fitting.length ? fitting : sdist ? [sdist] : [];
    if (files.some(({ size }) => typeof size !== 'number')) return undefined;
    sizes.push({ name, version, bytes: Math.max(0, ...files.map(({ size = 0 }) => size)) });
  }
  return sizes;
}

function fileName({ filename, name, url, path }: LockedFile): string {
  const place = filename ?? name ?? url ?? path ?? '';
  return decodeURIComponent(place.split(/[?#]/)[0]?.split('/').at(-1) ?? '');
}

/**
 * Whether a wheel can be installed, by the tags in its name:
 * https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/. The version of the C library or of
 * macOS is left out: it decides between files of about the same size.
 */
export function fits(wheel: string, { platform, arch, python }: WheelTarget): boolean {
  const [pythons = '', abis = '', platforms = ''] = wheel
    .replace(/\.whl$/, '')
    .split('-')
    .slice(-3);
  const [major = 0, minor = 0] = python.split('.').map(Number);
  const ofPython = pythons.split('.').some((tag) => {
    const [, implementation = '', tagMajor, tagMinor] = /^(py|cp|pp)(\d)(\d*)$/.exec(tag) ?? [];
    if (Number(tagMajor) !== major) return false;
    if (implementation === 'py' || abis.split('.').includes('abi3'))
      return tagMinor === '' || Number(tagMinor) <= minor;
    return Number(tagMinor) === minor;
  });
  return ofPython && platforms.split('.').some((tag) => tag === 'any' || ofPlatform(tag, platform, arch));
}

function ofPlatform(tag: string, platform: NodeJS.Platform, arch: string): boolean {
  const cpu = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' }[arch] ?? arch;
  if (platform === 'linux') return /^(many|musl)?linux/.test(tag) && tag.endsWith(`_${cpu}`);
  if (platform === 'darwin')
    return (
      tag.startsWith('macosx_') && new RegExp(`_(universal2|${arch === 'arm64' ? arch : cpu})$`).test(tag)
    );
  return platform === 'win32' && tag === { x64: 'win_amd64', arm64: 'win_arm64', ia32: 'win32' }[arch];
}
