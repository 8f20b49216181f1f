/** What a package's build stumbled over, as far as compilers and build backends say it. */
export interface BuildFailure {
  /** The package, as the tool names it. */
  package: string;
  /** The line that says why: the compiler's own where there is one. */
  line: string;
  /** What to install first; undefined where the line does not say for certain. */
  missing: { header: string } | { program: string } | undefined;
}

/** Debian's packages, also Ubuntu's, that bring a header which Python packages are built against. */
const debianHeaders: [RegExp, string][] = [
  [/^Python\.h$/, 'python3-dev'],
  [/^(libpq-fe|pg_config)\.h$/, 'libpq-dev'],
  [/^openssl\//, 'libssl-dev'],
  [/^ffi\.h$/, 'libffi-dev'],
  [/^zlib\.h$/, 'zlib1g-dev'],
  [/^bzlib\.h$/, 'libbz2-dev'],
  [/^lzma\.h$/, 'liblzma-dev'],
  [/^libxml\//, 'libxml2-dev'],
  [/^libxslt\//, 'libxslt1-dev'],
  [/^sqlite3\.h$/, 'libsqlite3-dev'],
  [/^sql(ext)?\.h$/, 'unixodbc-dev'],
  [/^curl\/curl\.h$/, 'libcurl4-openssl-dev'],
  [/^(lber|ldap)\.h$/, 'libldap2-dev'],
  [/^(krb5|gssapi\/gssapi)\.h$/, 'libkrb5-dev'],
  [/^(mysql|my_config)\.h$/, 'default-libmysqlclient-dev'],
  [/^png\.h$/, 'libpng-dev'],
  [/^jpeglib\.h$/, 'libjpeg-dev'],
  [/^sndfile\.h$/, 'libsndfile1-dev'],
  [/^portaudio\.h$/, 'portaudio19-dev'],
  [/^mpi\.h$/, 'libopenmpi-dev'],
  [/^hdf5\.h$/, 'libhdf5-dev'],
  [/^geos_c\.h$/, 'libgeos-dev'],
  [/^gdal\.h$/, 'libgdal-dev'],
  [/^snappy-c\.h$/, 'libsnappy-dev'],
  [/^cblas\.h$/, 'libopenblas-dev'],
  [/^graphviz\//, 'libgraphviz-dev'],
];

const debianPrograms: Record<string, string> = {
  cc: 'build-essential',
  gcc: 'build-essential',
  'g++': 'build-essential',
  'c++': 'build-essential',
  'x86_64-linux-gnu-gcc': 'build-essential',
  'aarch64-linux-gnu-gcc': 'build-essential',
  make: 'build-essential',
  gfortran: 'gfortran',
  cmake: 'cmake',
  ninja: 'ninja-build',
  swig: 'swig',
  git: 'git',
  'pkg-config': 'pkg-config',
  pg_config: 'libpq-dev',
  mysql_config: 'default-libmysqlclient-dev',
  'geos-config': 'libgeos-dev',
  'gdal-config': 'libgdal-dev',
  'xml2-config': 'libxml2-dev',
  cargo: 'cargo',
  rustc: 'rustc',
};

/** Reads the failure of a build from what uv, pip, conda or pixi said; undefined where none was built. */
export function buildFailure(said: string): BuildFailure | undefined {
  const built =
    /Failed to (?:build|prepare|download and build|generate package metadata for) `([^`]+)`/.exec(
      said,
    )?.[1] ??
    /Failed building wheel for (\S+)/.exec(said)?.[1] ??
    (/build backend|metadata-generation-failed|subprocess-exited-with-error/.test(said)
      ? 'a package'
      : undefined);
  if (!built) return undefined;
  const lines = said.split(/\r?\n/).map((line) => line.trim());
  const missing = missingIn(said);
  const program = missing && 'program' in missing ? missing.program : undefined;
  const last = (pattern: RegExp) => lines.findLast((line) => pattern.test(line));
  const reason =
    last(/fatal error[: ]/) ??
    (program && lines.findLast((line) => line.includes(program))) ??
    last(/^\S+:\d+(?::\d+)?: error:/) ??
    last(/^[A-Z]\w*(?:Error|Exception)\b.*:/) ??
    last(/^(?:error|ERROR): (?!Command |The build backend|Failed |subprocess-exited)/);
  return { package: built.replace(/ @ .*/, ''), line: reason ?? 'its build backend said nothing', missing };
}

function missingIn(said: string): BuildFailure['missing'] {
  const header =
    /fatal error: '?([\w./+-]+\.(?:h|hpp|hh))'?(?:: No such file| file not found)/.exec(said)?.[1] ??
    /fatal error C1083: .*?'([\w./+-]+\.(?:h|hpp|hh))'/.exec(said)?.[1];
  if (header) return { header };
  const program =
    /\[Errno 2\] No such file or directory: '([\w.+-]+)'/.exec(said)?.[1] ??
    /command '([\w.+/-]+)' failed: No such file or directory/.exec(said)?.[1]?.split('/').at(-1) ??
    /Error: (pg_config|mysql_config) executable not found/.exec(said)?.[1] ??
    /(?:^|\n)\s*(?:\/bin\/)?(?:ba)?sh: (?:line )?(?:\d+: )?([\w.+-]+): (?:command )?not found/.exec(
      said,
    )?.[1] ??
    /can't find (Rust) compiler/.exec(said)?.[1]?.replace('Rust', 'cargo') ??
    /`(cargo|cmake|ninja)` (?:is )?not found|(?:could not|Could not) find (?:the )?(cmake|ninja|cargo|pkg-config|gfortran)\b/i
      .exec(said)
      ?.slice(1)
      .find(Boolean)
      ?.toLowerCase();
  return program ? { program } : undefined;
}

/** What to do before the package can be built. */
export function buildAdvice({ missing }: BuildFailure, platform: NodeJS.Platform): string {
  const otherwise = 'Or use a version that has a wheel for this Python and platform, or another Python.';
  if (!missing)
    return `It has no wheel for this Python and platform and did not build. ${otherwise.replace('Or use', 'Use')}`;
  const [what, debian] =
    'header' in missing
      ? [`the header ${missing.header}`, debianHeaders.find(([name]) => name.test(missing.header))?.[1]]
      : [`the program ${missing.program}`, debianPrograms[missing.program]];
  const cuda = /^(cuda|cublas|cudnn|nvcc)/.test('header' in missing ? missing.header : missing.program);
  if (cuda)
    return `The build needs ${what}, which the CUDA toolkit brings: set 'cuda-packages'. ${otherwise}`;
  if (debian && platform === 'linux')
    return `The build needs ${what}. On Debian and Ubuntu, install it in an earlier step: 'sudo apt-get install --yes ${debian}'. ${otherwise}`;
  return `The build needs ${what}; install what brings it in an earlier step. ${otherwise}`;
}
