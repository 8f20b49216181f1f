import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { putInPlace } from '../src/tool-release.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tool-'));
  mkdirSync(join(root, 'made'));
  writeFileSync(join(root, 'made/tool'), 'made');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const place = () => join(root, 'place');
const inPlace = () => readFileSync(join(place(), 'tool'), 'utf8');

/** What another job on the machine has put there meanwhile. */
function another(): void {
  mkdirSync(place());
  writeFileSync(join(place(), 'tool'), 'another');
}

describe('a tool that was made', () => {
  test('comes to its place', async () => {
    await putInPlace(join(root, 'made'), place(), async () => false);
    expect(inPlace()).toBe('made');
    expect(existsSync(join(root, 'made'))).toBe(false);
  });

  test('leaves that of another job in place, which may be running', async () => {
    another();
    await putInPlace(join(root, 'made'), place(), async () => true);
    expect(inPlace()).toBe('another');
  });

  test('replaces one that does not run', async () => {
    another();
    await putInPlace(join(root, 'made'), place(), async () => undefined);
    expect(inPlace()).toBe('made');
  });

  test('is an error where its place cannot be', async () => {
    const nowhere = join(root, 'made/tool/place');
    await expect(putInPlace(join(root, 'made'), nowhere, async () => false)).rejects.toThrow();
  });
});
