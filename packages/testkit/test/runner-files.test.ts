import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as toolkit from '@actions/core';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseFileCommand, parseLog } from '../src/runner-commands.ts';
import { type FakeRunner, fakeRunner, runAction } from '../src/runner-files.ts';

const runners: FakeRunner[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const runner of runners.splice(0)) await runner.remove();
});

async function actionFolder(source: string): Promise<{ folder: string; runner: FakeRunner }> {
  const runner = await fakeRunner();
  runners.push(runner);
  const folder = join(runner.temp, 'action');
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'src/main.ts'), source);
  return { folder, runner };
}

describe('file commands', () => {
  test('reads back what the toolkit writes', async () => {
    const runner = await fakeRunner();
    runners.push(runner);
    const file = join(runner.temp, 'output');
    vi.stubEnv('GITHUB_OUTPUT', file);
    const name = fc.stringMatching(/^[a-zA-Z][\w-]{0,9}$/);
    // The runner reads lines, so a lone carriage return or other line ends come back as \n; that is its behaviour.
    const value = fc.string().filter((text) => !/\r/.test(text));
    fc.assert(
      fc.property(fc.dictionary(name, value), (pairs) => {
        writeFileSync(file, '');
        for (const [key, value] of Object.entries(pairs)) toolkit.setOutput(key, value);
        expect(parseFileCommand(readFileSync(file, 'utf8'))).toEqual({ ...pairs });
      }),
    );
  });

  test('refuses what the runner refuses', () => {
    expect(() => parseFileCommand('nonsense\n')).toThrow("Invalid format 'nonsense'");
    expect(() => parseFileCommand('a<<E\nvalue\n')).toThrow('Matching delimiter not found');
  });
});

test('annotations and masks are read from the log, except where commands are stopped', () => {
  const log = [
    '::error title=Train,file=a%2Cb.yaml,line=3,col=7::one%0Atwo 100%25',
    '::stop-commands::t0k',
    '::error::not a command',
    '::t0k::',
    '::notice::hello: world',
    '::add-mask::s3cret',
    'plain ::error:: text',
  ].join('\n');
  expect(parseLog(log)).toEqual({
    annotations: [
      { level: 'error', message: 'one\ntwo 100%', title: 'Train', file: 'a,b.yaml', line: 3, column: 7 },
      { level: 'notice', message: 'hello: world' },
    ],
    masks: ['s3cret'],
  });
});

test('a step gets its inputs and hands on outputs, environment, PATH and state', async () => {
  const { folder, runner } = await actionFolder(`
    import { appendFileSync } from 'node:fs';
    const { env } = process;
    appendFileSync(env.GITHUB_OUTPUT, 'greeting=' + env['INPUT_WHO-EVER'] + '/' + (env.STATE_s ?? '-') + '/' + (env.CARRIED ?? '-') + '\\n');
    appendFileSync(env.GITHUB_ENV, 'CARRIED=yes\\n');
    appendFileSync(env.GITHUB_PATH, '/first\\n/second\\n');
    appendFileSync(env.GITHUB_STATE, 's=kept\\n');
    appendFileSync(env.GITHUB_STEP_SUMMARY, '# Done');
    console.log('::warning::' + env.PATH.split(':').slice(0, 2).join());
  `);
  const main = await runAction(folder, { after: runner, inputs: { 'who-ever': 'you' } });
  expect(main).toMatchObject({
    exitCode: 0,
    outputs: { greeting: 'you/-/-' },
    env: { CARRIED: 'yes' },
    path: ['/first', '/second'],
    state: { s: 'kept' },
    summary: '# Done',
    record: undefined,
  });
  const post = await runAction(folder, { after: main, phase: 'post', inputs: { 'who-ever': 'you' } });
  expect(post.outputs).toEqual({ greeting: 'you/kept/yes' });
  expect(post.annotations).toEqual([{ level: 'warning', message: '/second,/first' }]);
  const next = await runAction(folder, { after: post });
  expect(next.outputs.greeting).toBe('undefined/-/yes');
});
