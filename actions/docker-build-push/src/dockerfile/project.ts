import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tomlOf } from './names-in.ts';

/** A project that is a package itself, which the image has installed: its scripts and metadata are then there, too. */
export interface BuiltProject {
  /** What its build reads beside the code. */
  files: string[];
  /** Instructions before it is built. */
  setting: string[];
  because: string[];
}

interface Pyproject {
  'build-system'?: { requires?: string[] };
  tool?: { uv?: { package?: boolean }; poetry?: { 'package-mode'?: boolean } };
}

/** Undefined for a project that is no package: one whose pyproject.toml has no [build-system]. */
export async function findBuiltProject(root: string): Promise<BuiltProject | undefined> {
  const names = await readdir(root);
  if (!names.includes('pyproject.toml')) return undefined;
  const document = tomlOf<Pyproject>(await readFile(join(root, 'pyproject.toml'), 'utf8'), 'pyproject.toml');
  const system = document['build-system'];
  if (!system || document.tool?.uv?.package === false || document.tool?.poetry?.['package-mode'] === false)
    return undefined;
  const fromGit = system.requires?.some((each) => /^(setuptools[-_]scm|hatch-vcs)\b/i.test(each));
  return {
    files: names.filter((name) => ofBuild.test(name)).sort(),
    // The repository is not in the context.
    setting: fromGit ? ['ENV SETUPTOOLS_SCM_PRETEND_VERSION=0.0.0'] : [],
    because: [
      'The project is a package ([build-system] in pyproject.toml), so it is installed beside its dependencies.',
      ...(fromGit
        ? ['Its version comes from git, which is not in the context: in the image it is 0.0.0.']
        : []),
    ],
  };
}

const ofBuild =
  /^(pyproject\.toml|setup\.(py|cfg)|MANIFEST\.in|(README|LICENSE|LICENCE|NOTICE|COPYING|AUTHORS|CHANGELOG)([-.].*)?)$/i;
