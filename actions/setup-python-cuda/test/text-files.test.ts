import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRequirements } from '../src/requirements.ts';
import { sourcesOf } from '../src/sources.ts';
import { readText } from '../src/text-file.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'text-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string | Buffer): string {
  writeFileSync(join(root, name), text);
  return join(root, name);
}

const mark = '\ufeff';

describe('a text is read', () => {
  test('as it was written, in any encoding that names itself', async () => {
    const texts = fc
      .string({ unit: 'binary' })
      .filter((text) => text.isWellFormed() && !text.startsWith(mark));
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const little = Buffer.from(mark + text, 'utf16le');
        expect(await readText(write('a', Buffer.from(text)))).toBe(text);
        expect(await readText(write('a', Buffer.from(mark + text)))).toBe(text);
        expect(await readText(write('a', little))).toBe(text);
        expect(await readText(write('a', Buffer.from(little).swap16()))).toBe(text);
      }),
    );
  });

  test('so that requirements of Windows are found, whatever they include', async () => {
    write('a.txt', Buffer.from(`${mark}-r b.txt\r\nsix==1.16.0 \\\r\n    --hash=sha256:1\r\n`, 'utf16le'));
    write('b.txt', `${mark}Idna>=3\r\n-r a.txt\r\n`);
    const found = await readRequirements([join(root, 'a.txt')]);
    expect(found.map(({ name, line, hashed }) => [name, line, hashed])).toEqual([
      ['idna', 1, false],
      ['six', 2, true],
    ]);
  });
});

test('where packages come from is said by a file, since a token must not be an argument', async () => {
  write('wheels', '');
  const file = write(
    'requirements.txt',
    '--index-url https://bot:t0ken@example.org/simple\n-f ./wheels\nsix==1.0\n--extra-index-url=https://a\n',
  );
  const args = await sourcesOf(
    { args: ['pip', 'sync', file, '--index-strategy', 'unsafe-best-match'], cwd: root },
    root,
  );
  expect(args).toEqual(['--index-strategy', 'unsafe-best-match', '-r', expect.any(String)]);
  expect(await readText(args[3] ?? '')).toBe(
    `--index-url https://bot:t0ken@example.org/simple\n-f ${join(root, 'wheels')}\n--extra-index-url https://a\n`,
  );
});
