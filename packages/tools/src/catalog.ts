/**
 * A program that comes in a Python wheel. `group` names the hashed requirements file it is installed from, all of a
 * group at once; `python` is the oldest version every package of the group supports.
 *
 * To change a version, edit `requirements/<group>.in` and, in that folder, run `uv pip compile --universal
 * --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version <python> <group>.in -o <group>.txt`.
 */
export interface PythonSource {
  group: 'engine' | 'lint' | 'dvc' | 'go' | 'torch' | 'science' | 'sbom' | 'moto';
  python: `3.${number}`;
  /** The program's name, where it is not the tool's. */
  program?: string;
}

/**
 * A Python that has packages of a Debian release, and those of the hashed requirements file `group`. On machines that
 * are not of the release it is an environment with what `otherwise` names.
 */
export interface DebianSource {
  debian: '12';
  /** As apt-get takes them, `name` or `name=version`; what they depend on comes with them. */
  packages: readonly string[];
  group: 'beside-debian';
  /** A Python program that has to end well for the installation to count. */
  check: string;
  otherwise: PythonSource;
}

/** A program built from a Go module. `sum` is the module's checksum as go.sum has it. */
export interface GoSource {
  module: string;
  package: string;
  version: string;
  sum: string;
  /** The oldest Go that builds it. */
  go: `1.${number}`;
}

/** A program whose Go sources are in `go/<name>` of this package, with go.mod and go.sum that pin what it is built from. */
export interface GoFolderSource {
  sources: string;
  /** The program's package, where it is not the folder but one of the `tool` lines of its go.mod. */
  package?: string;
  /** Variables that the linker sets: the version that a program says it has. */
  set?: Readonly<Record<string, string>>;
  /** The oldest Go that builds it. */
  go: `1.${number}`;
  /**
   * The very Go that builds it, which any Go fetches through its module proxy (https://go.dev/doc/toolchain). Default: the
   * one that is there.
   */
  toolchain?: `1.${number}.${number}`;
}

/** A program of a package of a Debian release, where the machine has none; elsewhere it has to be installed. */
export interface DebianProgramSource {
  release: '12';
  /** Those that are unpacked: the program's, and libraries that not every system has. */
  packages: readonly string[];
  /** Inside the packages: `usr/sbin/runc`. */
  program: string;
}

export const tools = {
  act: { group: 'engine', python: '3.10' },
  uv: { group: 'engine', python: '3.10' },
  zizmor: { group: 'lint', python: '3.11' },
  ruff: { group: 'lint', python: '3.11' },
  dvc: { group: 'dvc', python: '3.10' },
  /** Amazon's services, as far as tests need them. */
  'moto-server': { group: 'moto', python: '3.10', program: 'moto_server' },
  go: { group: 'go', python: '3.10' },
  'python-science': { group: 'science', python: '3.11', program: 'python' },
  // On PyPI, torch brings some 3 GB of CUDA along; Debian's is made for processors.
  'python-torch': {
    debian: '12',
    packages: ['python3.11', 'python3-torch=1.13.1+dfsg-4', 'libtorch1.13=1.13.1+dfsg-4'],
    group: 'beside-debian',
    check: 'import sklearn, torch; torch.ones(1).numpy()',
    otherwise: { group: 'torch', python: '3.11' },
  },
  actionlint: {
    module: 'github.com/rhysd/actionlint',
    package: 'github.com/rhysd/actionlint/cmd/actionlint',
    version: 'v1.7.12',
    sum: 'h1:vQ4GeJN86C0QH+gTUQcs8McmK62OLT3kmakPMtEWYnY=',
    go: '1.24',
  },
  oras: {
    module: 'oras.land/oras',
    package: 'oras.land/oras/cmd/oras',
    version: 'v1.3.6',
    sum: 'h1:Lhsfr2tQLjsu/+CJZp6vYatwKT+62fbIUTlp4lUrfOA=',
    go: '1.26',
  },
  'oci-registry': { sources: 'oci-registry', go: '1.26' },
  buildkitd: {
    sources: 'buildkit',
    package: 'github.com/moby/buildkit/cmd/buildkitd',
    set: { 'github.com/moby/buildkit/version.Version': 'v0.34.2' },
    go: '1.21',
    // With 1.27, whose compress/gzip says less of nothing, estargz panics and takes the daemon along.
    toolchain: '1.26.8',
  },
  /** What `# syntax=docker/dockerfile:1` names. */
  'dockerfile-frontend': {
    sources: 'buildkit',
    package: 'github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend',
    go: '1.21',
    toolchain: '1.26.8',
  },
  buildx: {
    sources: 'buildkit',
    package: 'github.com/docker/buildx/cmd/buildx',
    set: {
      'github.com/docker/buildx/version.Package': 'github.com/docker/buildx',
      'github.com/docker/buildx/version.Version': 'v0.38.2',
    },
    go: '1.21',
    toolchain: '1.26.8',
  },
  syft: { group: 'sbom', python: '3.10' },
  'sbom-scanner': { sources: 'sbom-scanner', go: '1.26' },
  dockerd: {
    release: '12',
    packages: ['docker.io', 'containerd', 'tini', 'libdevmapper1.02.1'],
    program: 'usr/sbin/dockerd',
  },
  runc: { release: '12', packages: ['runc'], program: 'usr/sbin/runc' },
  skopeo: {
    release: '12',
    packages: ['skopeo', 'libgpgme11', 'libassuan0', 'libgpg-error0', 'libdevmapper1.02.1'],
    program: 'usr/bin/skopeo',
  },
} as const satisfies Record<
  string,
  PythonSource | GoSource | GoFolderSource | DebianSource | DebianProgramSource
>;

export type ToolName = keyof typeof tools;
