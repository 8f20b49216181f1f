import { expect, test } from 'vitest';
import { combined, type JobExtras } from '../src/extras.ts';

const png = (byte: number) => ({ type: 'image/png', bytes: Uint8Array.of(byte) });

const extras = (size: string | undefined, markdown: string, changes: Partial<JobExtras> = {}): JobExtras => ({
  job: { job: 'train', matrix: size === undefined ? null : { size }, attempt: 1 },
  userReport: { markdown, images: new Map([['plots/a.png', png(markdown.length)]]) },
  ...changes,
});

test('one report stays as it is', () => {
  const one = extras(undefined, '# Mine\n\n![](plots/a.png)');
  expect(combined([one])).toEqual({ userReport: one.userReport });
  expect(combined([])).toEqual({});
});

test('reports of several jobs stand one after the other, each with its own pictures', () => {
  const markdown = '![a](plots/a.png "A") <img src="plots/a.png"> `plots/a.pngs`\n\n[b]: plots/a.png';
  const { userReport } = combined([extras('small', `${markdown}!`), extras('<large>', markdown)]);
  expect(userReport?.markdown).toBe(
    [
      '## train (size=&#60;large&#62;)',
      '![a](1/plots/a.png "A") <img src="1/plots/a.png"> `plots/a.pngs`\n\n[b]: 1/plots/a.png',
      '## train (size=small)',
      '![a](2/plots/a.png "A") <img src="2/plots/a.png"> `plots/a.pngs`\n\n[b]: plots/a.png!',
    ].join('\n\n'),
  );
  expect([...(userReport?.images ?? [])].map(([path, { bytes }]) => [path, bytes[0]])).toEqual([
    ['1/plots/a.png', markdown.length],
    ['2/plots/a.png', markdown.length + 1],
  ]);
});

test('of a job that ran again its newest attempt counts', () => {
  const again = extras('small', 'new');
  const job = { ...again.job, attempt: 2 };
  expect(combined([{ ...again, job }, extras('small', 'old')]).userReport?.markdown).toBe('new');
});

test('a model card that all jobs have is shown once', () => {
  const card = (size: string, modelCard: string): JobExtras => ({
    job: { job: 'train', matrix: { size }, attempt: 1 },
    modelCard,
  });
  expect(combined([card('a', '# Card'), card('b', '# Card')])).toEqual({ modelCard: '# Card' });
  expect(combined([card('a', '# Card'), card('b', '# Other')]).modelCard).toBe(
    '## train (size=a)\n\n# Card\n\n## train (size=b)\n\n# Other',
  );
});
