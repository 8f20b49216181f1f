import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Chosen, makeFilter } from '../src/dashboard/client/filter.ts';
import { makeWeeks } from '../src/dashboard/client/weeks.ts';
import { makeWords } from '../src/dashboard/client/words.ts';
import { outcomes } from '../src/dashboard/data.ts';
import { DashboardCollector } from '../src/dashboard/index.ts';
import { manyRuns, pathOf } from './many-runs.ts';

const records = [...manyRuns(300)].reverse();
const collector = new DashboardCollector();
for (const record of records) collector.add(pathOf(record), record);
const { runs } = collector.finish([], 0);
const words = makeWords();
const filter = makeFilter({ runs, outcomes, words });

const nothing: Chosen = {
  ...{ view: '', text: '', branch: '', event: '', result: '', model: '', from: '', to: '' },
  ...{ sort: '', up: '', page: '', metrics: '', run: '' },
};
const found = (chosen: Partial<Chosen>) =>
  filter.rows({ ...nothing, ...chosen }).map((row) => runs.id[row] ?? '');
const those = (fits: (record: (typeof records)[number]) => boolean) =>
  records.filter(fits).map(({ run }) => run.id);

describe('the filter', () => {
  test('lets everything through where nothing was chosen', () => {
    expect(found({})).toEqual(those(() => true));
  });

  test('finds by branch, event, result, model and days, all of them together', () => {
    expect(found({ branch: 'main' })).toEqual(those(({ run }) => run.ref === 'refs/heads/main'));
    expect(found({ event: 'schedule' })).toEqual(those(({ run }) => run.event === 'schedule'));
    expect(found({ result: 'error' })).toEqual(
      those(({ jobs }) => jobs.some(({ steps }) => steps.some(({ outcome }) => outcome === 'failure'))),
    );
    expect(found({ model: 'ranker' })).toEqual(those(({ jobs }) => jobs[0]?.trainings[0]?.name === 'ranker'));
    expect(found({ branch: 'main', model: 'ranker', event: 'push' })).toEqual(
      those(
        ({ run, jobs }) =>
          run.ref === 'refs/heads/main' && run.event === 'push' && jobs[0]?.trainings[0]?.name === 'ranker',
      ),
    );
  });

  test('takes both days that were chosen, in UTC', () => {
    const day = records[100]?.run.startedAt.slice(0, 10) ?? '';
    expect(found({ from: day, to: day })).toEqual(those(({ run }) => run.startedAt.startsWith(day)));
    expect(found({ from: day, to: day })).not.toEqual([]);
  });

  test('finds nothing by what does not occur, rather than everything', () => {
    for (const chosen of [
      { branch: 'no such' },
      { event: 'x' },
      { result: 'x' },
      { model: 'x' },
      { text: 'zzz' },
    ])
      expect(found(chosen)).toEqual([]);
  });

  test('finds texts in which all words occur, in any case and order, and none that begins with -', () => {
    const has = (message: string) => those(({ run }) => run.message.includes(message));
    expect(found({ text: 'TREES deepen' })).toEqual(has('Deepen the trees'));
    expect(found({ text: 'learning -trees' })).toEqual(has('Tune the learning rate'));
    expect(found({ text: '  ' })).toEqual(those(() => true));
    expect(found({ text: '-' })).toEqual(those(() => true));
    expect(found({ text: records[7]?.run.commit.slice(0, 9) ?? '' })).toEqual([records[7]?.run.id]);
  });

  test('offers what there is, the most frequent first', () => {
    const counts = filter.branches().map(([, count]) => count);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
    expect(filter.branches()[0]?.[0]).toBe('main');
  });

  test('never finds a run by text that it finds without it as well', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 6 }), (word) => {
        const text = word.replace(/[\s-]/g, 'x');
        if (!text) return;
        const [having, lacking] = [found({ text }), found({ text: `-${text}` })];
        expect([...having, ...lacking].sort()).toEqual(those(() => true).sort());
      }),
    );
  });
});

describe('weeks', () => {
  const time = fc.integer({ min: -1e9, max: 4e9 });

  test('begin on Mondays, in order, and lose no run', () => {
    fc.assert(
      fc.property(fc.array(time, { minLength: 1, maxLength: 60 }), (started) => {
        const weeks = makeWeeks(started, words);
        const { unit, line } = weeks('runs', [...started.keys()], (group) => group.length);
        expect(line.points.reduce((sum, { y }) => sum + y, 0)).toBe(started.length);
        const starts = line.points.map(({ x }) => x);
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
        for (const start of starts) {
          const date = new Date(start * 1000);
          expect(unit === 'week' ? date.getUTCDay() : date.getUTCDate()).toBe(1);
          expect(start % 86_400 === 0).toBe(true);
        }
      }),
    );
  });

  test('are months where there would be too many, and leave out what has no value', () => {
    const at = (year: number, month: number) => Date.UTC(year, month, 15) / 1000;
    const weeks = makeWeeks([at(2020, 0), at(2020, 0), at(2026, 5)], words);
    expect(weeks('x', [0, 1, 2], (group) => (group.length > 1 ? 7 : null))).toEqual({
      unit: 'month',
      line: {
        name: 'x',
        points: [{ x: Date.UTC(2020, 0) / 1000, y: 7, label: 'month from 2020-01-01, 2 runs' }],
      },
    });
  });
});

test('durations at an axis are short', () => {
  expect([0, 30_000, 300_000, 5_400_000, 172_800_000].map(words.shortDuration)).toEqual([
    ...['0 s', '30 s', '5 min', '1.5 h', '2 d'],
  ]);
});
