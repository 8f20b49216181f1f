import type { BaseImages } from './base-image.ts';
import type { Dependencies } from './dependencies.ts';
import { bindMount, continued, execForm } from './instruction.ts';
import type { ChosenPython } from './python-version.ts';

/** Where the environment is, in the builder and in the image: its programs name their interpreter by this path. */
export const environment = '/opt/venv';
/** Where uv keeps the interpreter that it brings along. */
export const interpreters = '/opt/python';

/**
 * The uv that installs, as pip takes it: each of its wheels for Linux by the hash that it was published with, so that
 * no mirror can bring another one.
 */
const uv = {
  version: '0.13.9',
  hashes: [
    'd7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19', // x86_64, glibc
    '2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25', // x86_64, musl
    'ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375', // aarch64, glibc
    '5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe', // aarch64, glibc before 2.28 and musl
    'a6e845f387e4ed55bb59342957a9179e24a631fcc7668bda3426ae1cef8ed4b9', // s390x
    'c5dbdb7c8737cd183a9dce95b39cfd1f3d54ec2a27a1bb58f160293f9ba2c805', // ppc64le
    '6b0c7b9f47a5d011939d61e324d3fe18a8bc155d8dd53add738709a92f290a7c', // riscv64
  ],
};
const poetryExport = '--from poetry==2.5.1 --with poetry-plugin-export==1.10.1 poetry export';
const pipenv = 'pipenv==2026.0.3';

const uvCache = '--mount=type=cache,target=/root/.cache/uv';
/**
 * The secrets that a generated Dockerfile takes, by id: credentials and addresses of private indexes, as the files of
 * that name hold them. A build that is not given them goes without.
 */
export const indexSecrets = ['netrc', 'uv.toml', 'pip.conf', 'condarc'] as const;

const uvSecrets = [
  '--mount=type=secret,id=netrc,target=/root/.netrc',
  '--mount=type=secret,id=uv.toml,target=/etc/uv/uv.toml',
];

/** The instructions of the builder up to the installed packages. Only the lock is read, so only it invalidates them. */
export function installation(dependencies: Dependencies, base: BaseImages, python: ChosenPython): string[] {
  if (dependencies.manager === 'conda') return [conda(dependencies)];
  if (dependencies.manager === 'pixi') return pixi(dependencies);
  return [settings(base), installUv(), ...createEnvironment(base, python), ...installPackages(dependencies)];
}

/** An instruction that installs the project itself beside its dependencies, from the folder `source` of the stage. */
export function projectInstallation(source: string, target: string): string {
  return continued(
    `RUN ${uvCache}`,
    ...uvSecrets,
    execForm(['uv', 'pip', 'install', '--python', environment, '--no-deps', '--target', target, source]),
  );
}

function settings({ python }: BaseImages): string {
  return continued(
    // The cache is a mount, which no link leads out of.
    'ENV UV_LINK_MODE=copy',
    'UV_COMPILE_BYTECODE=1',
    // By its content, not by the time of the source: a reproducible build sets all times anew.
    'PYC_INVALIDATION_MODE=UNCHECKED_HASH',
    ...(python === 'uv'
      ? [`UV_PYTHON_INSTALL_DIR=${interpreters}`, 'UV_PYTHON_PREFERENCE=only-managed']
      : ['UV_PYTHON_DOWNLOADS=never']),
    `UV_PROJECT_ENVIRONMENT=${environment}`,
  );
}

function installUv(): string {
  const requirement = [`uv==${uv.version}`, ...uv.hashes.map((hash) => `--hash=sha256:${hash}`)];
  return continued(
    'RUN --mount=type=cache,target=/root/.cache/pip',
    '--mount=type=secret,id=netrc,target=/root/.netrc',
    '--mount=type=secret,id=pip.conf,target=/etc/pip.conf',
    `printf '%s ' ${requirement[0]}`,
    ...requirement.slice(1, -1).map((word) => `    ${word}`),
    `    ${requirement.at(-1)} > /tmp/uv.txt`,
    '&& python -m pip install --root-user-action=ignore --require-hashes --requirement /tmp/uv.txt',
  );
}

function createEnvironment({ python }: BaseImages, { version }: ChosenPython): string[] {
  if (python === 'image')
    return [`RUN ${execForm(['uv', 'venv', '--python', '/usr/local/bin/python', environment])}`];
  return [
    continued(`RUN ${uvSecrets.join(' ')}`, execForm(['uv', 'python', 'install', '--no-bin', version])),
    `RUN ${execForm(['uv', 'venv', '--python', version, environment])}`,
  ];
}

function installPackages(dependencies: Dependencies): string[] {
  const { manager, file, hashed } = dependencies;
  const mounts = [...mounted(dependencies), ...uvSecrets];
  const withUv = (words: readonly string[]) => continued(`RUN ${uvCache}`, ...mounts, execForm(words));
  const pip = (...words: string[]) => withUv(['uv', 'pip', ...words]);
  const exported = '/tmp/requirements.txt';
  const viaRequirements = (steps: readonly string[]) => {
    const install = `uv pip install --python ${environment} --require-hashes --requirement ${exported}`;
    return continued(`RUN ${uvCache}`, ...mounts, [...steps, install].join(' \\\n    && '));
  };
  const into = ['--python', environment];
  switch (manager) {
    case 'uv':
      return [withUv(['uv', 'sync', '--frozen', '--no-dev', '--no-install-local', '--directory', '/src'])];
    case 'poetry':
      return [
        viaRequirements([
          `uvx ${poetryExport} --directory /src --only main --format requirements.txt --output ${exported}`,
        ]),
      ];
    case 'pipenv':
      return [
        viaRequirements([
          `PIPENV_PIPFILE=/src/Pipfile uvx ${pipenv} requirements --hash > ${exported}`,
          // The line that names the index would go before the settings of the builder.
          ...(dependencies.publicIndex ? [`sed -i '/^-i /d' ${exported}`] : []),
        ]),
      ];
    case 'pylock':
      return [pip('sync', ...into, '--preview-features', 'pylock', `/src/${file}`)];
    default:
      return [
        pip('install', ...into, ...(hashed ? ['--require-hashes'] : []), '--requirement', `/src/${file}`),
      ];
  }
}

function mounted({ file, beside }: Dependencies): string[] {
  return [file, ...beside].map((each) => bindMount(each, `/src/${each}`));
}

function conda(dependencies: Dependencies): string {
  return continued(
    'RUN --mount=type=cache,target=/opt/conda/pkgs',
    '--mount=type=secret,id=netrc,target=/root/.netrc',
    '--mount=type=secret,id=condarc,target=/root/.condarc',
    ...mounted(dependencies),
    execForm([
      ...['micromamba', 'create', '--yes', '--always-copy', '--prefix', environment],
      ...['--file', `/src/${dependencies.file}`],
    ]),
  );
}

function pixi(dependencies: Dependencies): string[] {
  return [
    // An environment's programs name their interpreter by its path, so it is made where it will be.
    continued(
      'RUN --mount=type=cache,target=/root/.cache/rattler',
      '--mount=type=secret,id=netrc,target=/root/.netrc',
      ...[dependencies.file, ...dependencies.beside].map((each) => bindMount(each, `${pixiProject}/${each}`)),
      execForm([
        'pixi',
        'install',
        '--frozen',
        '--manifest-path',
        `${pixiProject}/${dependencies.beside[0]}`,
      ]),
    ),
  ];
}

/** The folder that pixi takes for the project, and the environment that it makes below it. */
const pixiProject = '/opt/pixi';
export const pixiEnvironment = `${pixiProject}/.pixi/envs/default`;
