import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { writeJobFile } from './job-file.ts';
import { filesOf, type Step } from './plan.ts';
import { readText } from './text-file.ts';

const inArguments = /^--(default-index|index|index-url|extra-index-url|index-strategy|find-links)$/;
const inFiles = /^(--index-url|-i|--extra-index-url|--find-links|-f)[\s=]+(\S+)/;

/**
 * Arguments that have uv look for packages where a step does: its own, and a file with the lines of its requirements
 * files that say so. Those may hold tokens, which therefore never become arguments.
 */
export async function sourcesOf(step: Step, temp: string): Promise<string[]> {
  const own = step.args.flatMap((arg, index) =>
    inArguments.test(arg) ? [arg, step.args[index + 1] ?? ''] : [],
  );
  const lines = (await Promise.all(filesOf(step).map(linesOf))).flat();
  if (!lines.length) return own;
  return [...own, '-r', await writeJobFile(temp, 'sources.txt', `${lines.join('\n')}\n`)];
}

/** With folders from the root, since the lines are read elsewhere. */
async function linesOf(file: string): Promise<string[]> {
  if (file.endsWith('.toml')) return [];
  const text = await readText(file).catch(() => '');
  return text.split(/\r?\n/).flatMap((line) => {
    const [, option = '', value = ''] = inFiles.exec(line.trim()) ?? [];
    const folder = resolve(dirname(file), value);
    return option ? [`${option} ${existsSync(folder) ? folder : value}`] : [];
  });
}
