import { UserError } from '@mlops/core';
import { continued } from './instruction.ts';

/** Libraries that wheels load from the system and no slim image has, by the package's normalised name. */
const needed: Readonly<Record<string, readonly string[]>> = {
  lightgbm: ['libgomp1'],
  'opencv-python': ['libgl1', 'libglib2.0-0'],
  'opencv-contrib-python': ['libgl1', 'libglib2.0-0'],
};

/**
 * The instructions that install packages of Debian or Ubuntu: those that are asked for, and what the Python packages
 * are known not to go without.
 *
 * @throws UserError for what cannot be a package's name.
 */
export function systemPackagesFor(
  names: ReadonlySet<string>,
  asked: readonly string[],
): { instructions: string[]; because: string[] } {
  // https://www.debian.org/doc/debian-policy/ch-controlfields.html#s-f-source
  const wrong = asked.find((each) => !/^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[\w.+~:-]+)?$/.test(each));
  if (wrong !== undefined)
    throw new UserError(`system-packages: '${wrong}' is no package of Debian or Ubuntu`, {
      advice: "Write it as 'libgomp1' or 'libgomp1=12.2.0-14'.",
    });
  const known = [...names].filter((name) => needed[name]?.some((each) => !asked.includes(each)));
  const packages = [...new Set([...asked, ...known.flatMap((name) => needed[name] ?? [])])].sort();
  if (!packages.length) return { instructions: [], because: [] };
  return {
    instructions: [
      ...(packages.every((each) => each.includes('=')) ? [] : ['# hadolint ignore=DL3008']),
      continued(
        'RUN apt-get update',
        `&& apt-get install --yes --no-install-recommends ${packages.join(' ')}`,
        '&& rm -rf /var/lib/apt/lists/*',
      ),
    ],
    because: known.map((name) => `${name} loads ${needed[name]?.join(' and ')} from the system.`),
  };
}
