import { messageOf, suggest, throwAll, UserError } from '@mlops/core';
import { parseReference } from '@mlops/oci';
import { meaningful, oneOf, parseFields, wrong } from './fields.ts';

const input = 'images';

/**
 * The names of images, in lower case as registries want them, each as `name` or `name=…,enable=true|false`; one line may
 * hold several plain names, parted by commas. Names that are not enabled are left out.
 *
 * A name that is not valid in lower case either is an error and not mended in silence: the image would be pushed to
 * where nobody looks for it, or over somebody else's.
 *
 * @throws UserError for each line that is wrong
 */
export function imageNames(lines: readonly string[]): string[] {
  const problems: UserError[] = [];
  const names = meaningful(lines).flatMap((line) => {
    try {
      return parseLine(line).map((name) => checked(name, line));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
      return [];
    }
  });
  throwAll(problems);
  return [...new Set(names)];
}

function parseLine(line: string): string[] {
  const fields = parseFields(line, input);
  if (fields.every(({ key }) => key === undefined)) return fields.map(({ value }) => value).filter(Boolean);
  let name = '';
  let isEnabled = true;
  for (const field of fields) {
    if (field.key === undefined || field.key === 'name') name = field.value;
    else if (field.key === 'enable') isEnabled = oneOf(['true', 'false'], field, { input, line }) === 'true';
    else
      throw wrong(input, line, `unknown attribute '${field.key}'`, {
        advice: suggest(field.key, ['name', 'enable']),
      });
  }
  if (!name) throw wrong(input, line, 'the name is empty', { advice: 'Write name=ghcr.io/owner/image.' });
  return isEnabled ? [name] : [];
}

function checked(given: string, line: string): string {
  const name = given.toLowerCase();
  try {
    const { tag, digest } = parseReference(name);
    if (tag === undefined && digest === undefined) return name;
  } catch (cause) {
    const near = nearestValid(name);
    throw wrong(input, line, messageOf(cause), {
      cause,
      advice: `${near ? `The nearest valid name is '${near}'. ` : ''}Write registry/repository, such as ghcr.io/owner/image.`,
    });
  }
  const bare = name.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  throw wrong(input, line, 'this is more than the name of an image', {
    advice: `Write '${bare}'; the input tags says what follows the name.`,
  });
}

/** Keeps what is allowed: each part in letters, digits and single separators. Undefined where nothing is left. */
function nearestValid(name: string): string | undefined {
  const [first = '', ...rest] = name.replace(/^[a-z]+:\/\//, '').split('/');
  const isHost = /[.:]/.test(first) && rest.length > 0;
  const parts = (isHost ? rest : [first, ...rest]).map((part) =>
    part
      .replace(/:.*$/, '')
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/([._-])[._-]*/g, '$1')
      .replace(/^[._-]+|[._-]+$/g, ''),
  );
  const mended = [...(isHost ? [first] : []), ...parts.filter(Boolean)].join('/');
  try {
    parseReference(mended);
    return mended;
  } catch {
    return undefined;
  }
}
