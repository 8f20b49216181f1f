import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { mask, throwAll, UserError } from '@mlops/core';
import { formatAttributes, unquoted } from './attributes.ts';

export interface SecretRequest {
  /** `id=value` */
  values: readonly string[];
  /** `id=NAME` of a variable. */
  envs: readonly string[];
  /** `id=path` */
  files: readonly string[];
}

/** Build secrets as buildx takes them: their values are in files or variables, never among the arguments. */
export interface Secrets {
  args: string[];
  /** Removes the files. */
  remove(): Promise<void>;
}

export async function prepareSecrets(
  { values, envs, files }: SecretRequest,
  { env, workingDirectory, temp }: { env: NodeJS.ProcessEnv; workingDirectory: string; temp: string },
): Promise<Secrets> {
  const problems: UserError[] = [];
  const pairs = (input: string, lines: readonly string[]) =>
    unquoted(input, lines).flatMap((line) => {
      const pair = pairOf(line);
      if (!pair)
        problems.push(
          new UserError(`the input '${input}' has an item that is not 'id=…'`, {
            advice: `Write each secret on a line of its own, such as 'token=${input === 'secret-envs' ? 'API_TOKEN' : '…'}'; one of several lines as a CSV field in quotes.`,
          }),
        );
      return pair ? [pair] : [];
    });
  const given = pairs('secrets', values);
  const fromEnv = pairs('secret-envs', envs);
  const fromFile = pairs('secret-files', files);
  for (const [, value] of given) mask(value);
  for (const [id, name] of fromEnv)
    if (env[name] === undefined)
      problems.push(
        new UserError(`the secret '${id}' is to come from the variable ${name}, which is not set`, {
          advice: `Set it for this step: 'env: { ${name}: … }'.`,
        }),
      );
  for (const [id, path] of fromFile)
    if (!existsSync(resolve(workingDirectory, path)))
      problems.push(
        new UserError(`the secret '${id}' is to come from the file '${path}', which does not exist`, {
          advice: 'Name it relative to the working directory.',
        }),
      );
  throwAll(problems);

  const folder = given.length ? await mkdtemp(join(temp, 'mlops-secrets-')) : undefined;
  const remove = async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  };
  const written = await Promise.all(
    given.map(async ([id, value], i) => {
      const path = join(folder ?? temp, String(i));
      await writeFile(path, value, { mode: 0o600 });
      return formatAttributes({ id, src: path });
    }),
  ).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const sources = [
    ...written,
    ...fromEnv.map(([id, name]) => formatAttributes({ id, env: name })),
    ...fromFile.map(([id, path]) => formatAttributes({ id, src: resolve(workingDirectory, path) })),
  ];
  return {
    args: sources.flatMap((source) => ['--secret', source]),
    remove,
  };
}

function pairOf(text: string): [id: string, value: string] | undefined {
  const at = text.indexOf('=');
  const [id, value] = [text.slice(0, at).trim(), text.slice(at + 1)];
  return at > 0 && value !== '' && /^[\w.-]+$/.test(id) ? [id, value] : undefined;
}
