/** What conda calls a platform (`linux-64`); undefined for one it has no packages for. */
export function condaSubdir(platform: NodeJS.Platform, arch: string): string | undefined {
  const known: Record<string, string> = {
    'linux x64': 'linux-64',
    'linux arm64': 'linux-aarch64',
    'linux ppc64': 'linux-ppc64le',
    'linux s390x': 'linux-s390x',
    'darwin x64': 'osx-64',
    'darwin arm64': 'osx-arm64',
    'win32 x64': 'win-64',
    'win32 arm64': 'win-arm64',
  };
  return known[`${platform} ${arch}`];
}
