import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { type Answer, ending, lastWords, type Project, runTool } from './project.ts';

/** The ruff that checks projects which have none of their own. */
export const pinnedRuff = '0.17.6';

export interface Ruff {
  version: string;
  run(args: readonly string[], options?: { show?: 'stdout' | 'stderr' }): Promise<Answer>;
}

/** The project's own ruff, whose version its lock decides, or the pinned one through uv. */
export function findRuff(project: Project): Ruff {
  const own = project.environment.tools.ruff;
  const [program, ...before] = own
    ? [own.program]
    : ['uv', 'tool', 'run', '--python', project.environment.python, '--from', `ruff==${pinnedRuff}`, 'ruff'];
  return {
    version: own?.version ?? pinnedRuff,
    run: (args, { show } = {}) =>
      runTool(project, program ?? '', [...before, ...args], { plain: true, ...(show ? { show } : {}) }).catch(
        (error) => {
          project.signal.throwIfAborted();
          if (own || !(error instanceof UserError)) throw error;
          throw new UserError('ruff is not installed in the environment, and uv is not on PATH to fetch it', {
            cause: error,
            advice: 'Run setup-python-cuda in an earlier step, or add ruff to the requirements.',
          });
        },
      ),
  };
}

/** The error for a ruff that could not do its work: settings it cannot read, or a version that uv cannot fetch. */
export async function ruffFailed(what: string, answer: Answer, project: Project): Promise<UserError> {
  const said = answer.stderr.join('\n');
  const file = project.configuration.get('ruff');
  const aboutSettings =
    /TOML parse error|Unknown rule selector|Required version|Failed to load configuration/i.test(said);
  const place =
    file && aboutSettings ? { file, line: await settingLine(said, resolve(project.workspace, file)) } : {};
  return new UserError(`${what} ${ending(answer)}:\n${lastWords(answer.stderr)}`, {
    ...place,
    advice: place.file
      ? `Mend ruff's settings in ${file}.`
      : 'The whole of what it said is in the log of this step.',
  });
}

/** The line that holds the name ruff does not know; for that it reports the start of the table, or no line at all. */
async function settingLine(said: string, file: string): Promise<number> {
  const [, name] = /(?:unknown field|selector) `(.+?)`/i.exec(said) ?? [];
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const named = name ? lines.findIndex((line) => line.includes(name)) + 1 : 0;
  return named || Number(/at line (\d+)/.exec(said)?.[1] ?? 1);
}
