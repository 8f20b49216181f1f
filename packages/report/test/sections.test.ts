import type { GateRecord, PlotsRecord, RunRecord } from '@mlops/core/record';
import { describe, expect, test } from 'vitest';
import { domainOf, strip } from '../src/charts/strip.ts';
import { renderHtml, renderMarkdown } from '../src/index.ts';
import { sampleGate } from './sample-gate.ts';
import { sampleRecord } from './sample-record.ts';

/** The sample with another gate. */
function withGate(changes: Partial<GateRecord>): RunRecord {
  const record = sampleRecord();
  const [job] = record.jobs;
  if (job) job.gates = [{ ...sampleGate(), ...changes }];
  return record;
}

const textOf = (page: string) =>
  page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('a strip', () => {
  test('shows point, interval and what passes, to scale', () => {
    const bound = { at: 4, passes: 'above' } as const;
    const shown = { point: 5, interval: [2, 8], bound, label: 'x', kind: 'pass' } as const;
    const { text } = strip(shown, [0, 10]);
    expect(text).toContain('<rect class="zone" x="40%" width="60%"');
    expect(text).toContain('x1="20%" x2="80%"');
    expect(text).toContain('cx="50%"');
    const below = strip({ ...shown, bound: { at: 4, passes: 'below' } }, [0, 10]).text;
    expect(below).toContain('<rect class="zone" x="0%" width="40%"');
  });

  test('ends at its edge where an interval has no end, and has none where nothing is known', () => {
    const open = { point: 5, interval: [2, Number.POSITIVE_INFINITY], label: 'x', kind: 'pass' } as const;
    expect(strip(open, [0, 10]).text).toContain('x1="20%" x2="100%"');
    const unknown = { ...open, interval: [Number.NaN, Number.NaN] } as const;
    expect(strip(unknown, [0, 10]).text).not.toContain('whisker');
    expect(domainOf([unknown])).toEqual([4.5, 5.5]);
    expect(domainOf([{ point: Number.NaN }])).toBeUndefined();
  });
});

describe('rules', () => {
  test('that did not pass come first, with what would have decided them', async () => {
    const text = textOf(await renderHtml(sampleRecord()));
    const rules = text.slice(text.indexOf('Rules'));
    expect(rules.indexOf('! warn')).toBeLessThan(rules.indexOf('✓ pass'));
    expect(rules).toContain('n = 1,200 · p = 0.08 · some 4,300 would have decided it');
    expect(rules).toContain('test.log_loss at least 10 % better than the baseline, else a warning');
  });

  test('list the worst slice first, and what is too small to be judged last', async () => {
    const text = textOf(await renderHtml(sampleRecord()));
    const names = [...text.slice(text.indexOf('By site')).matchAll(/site=(\w+)( worst)?/g)];
    expect(names.slice(0, 4).map(([, name, worst]) => `${name}${worst ?? ''}`)).toEqual([
      ...['Lyon worst', 'Turin', 'Ghent', 'Basel'],
    ]);
  });

  test('of a record from before there was evidence are shown all the same', async () => {
    const { verdict, passed, rules } = sampleGate();
    const older: GateRecord = {
      ...{ verdict, passed, baseline: { kind: 'alias', ref: 'alias:production', commit: null } },
      rules: rules
        .slice(0, 2)
        .map(({ metric, rule, bound, candidate, baseline, change, greaterIsBetter, severity, ...rest }) => ({
          ...{ metric, rule, bound, candidate, baseline, change, greaterIsBetter, severity },
          ...{ verdict: rest.verdict, explanation: rest.explanation },
        })),
    };
    const record = sampleRecord();
    if (record.jobs[0]) record.jobs[0].gates = [older];
    const text = textOf(await renderHtml(record));
    expect(text).toContain('test.accuracy ↑ better, noise unknown +0.0125 0.9718 0.9593');
    expect(text).not.toMatch(/undefined|NaN%|\[object/);
    expect(renderMarkdown(record)).toContain('↑ better, noise unknown');
  });

  test('of values that are no numbers have no drawing', async () => {
    const [rule] = sampleGate().rules;
    if (!rule) throw new Error('the sample has become smaller');
    const bare = { ...rule, candidate: 'NaN' as const, interval: undefined, verdict: 'fail' as const };
    const page = await renderHtml(withGate({ rules: [bare, { ...bare, candidate: null }] }));
    expect(page).not.toMatch(/class="strip|NaN%|cx="N/);
    expect(textOf(page)).toContain('✗ fail test.accuracy at least 0.94 –');
  });
});

describe('the confusion matrix', () => {
  test('has counts, shares of the true class, and differences to the baseline', async () => {
    const text = textOf(await renderHtml(sampleRecord()));
    expect(text).toContain('true \\ predicted benign malignant unclear benign 598 98 % · +6 6 1 % · −3');
  });

  test('of very many classes becomes the pairs that are confused most', async () => {
    const classes = Array.from({ length: 200 }, (_, i) => `c${i}`);
    const candidate = classes.map((_, i) =>
      classes.map((_, j) => (i === j ? 50 : i === 7 && j === 9 ? 12 : 0)),
    );
    const page = await renderHtml(withGate({ plots: { confusion: { classes, candidate } } }));
    expect(page).not.toContain('class="confusion"');
    expect(textOf(page)).toContain('True class Predicted Count Of the class c7 c9 12 19 %');
  });

  test('of a class without examples has no shares of nothing', async () => {
    const confusion = {
      classes: ['a', 'b'],
      candidate: [
        [0, 0],
        [1, 3],
      ],
    };
    expect(textOf(await renderHtml(withGate({ plots: { confusion } })))).toContain(
      'a 0 0 % 0 0 % b 1 25 % 3 75 %',
    );
  });
});

test.each<[string, PlotsRecord]>([
  ['one point', { roc: { candidate: [[0, 0]] }, residuals: { candidate: [[3, 3]] } }],
  ['no point', { precisionRecall: { candidate: [] }, residuals: { candidate: [] }, roc: { candidate: [] } }],
  ['no bin', { calibration: { candidate: [], baseline: [] } }],
])('plots of %s are drawn without what is no number', async (_, plots) => {
  expect(await renderHtml(withGate({ plots }))).not.toMatch(/NaN[,"% ]|undefined|Infinity/);
});

describe('a run of a matrix', () => {
  const record = sampleRecord();
  const [job] = record.jobs;
  record.jobs = ['small', 'large'].flatMap((size) =>
    job ? [{ ...structuredClone(job), matrix: { size } }] : [],
  );
  const gate = record.jobs[1]?.gates[0];
  if (gate) gate.verdict = 'pass';

  test('compares its trainings first, and folds those that passed', async () => {
    const page = await renderHtml(record);
    const text = textOf(page);
    expect(text).toMatch(
      /Trainings Training Gate test.accuracy test.log_loss model_size Time Cost Model model, train \(size=small\) ! warn 0\.9718 \[0\.9609, 0\.9797\] ↑ better/,
    );
    expect(page).toContain('<a href="#model-2">model, train (size=large)</a>');
    expect(page.match(/The training of the baseline/g)).toHaveLength(1);
    expect(page.match(/serve.py&#39; matches no file/g)).toHaveLength(1);
    expect(text).toContain('package failure in train (size=small), train (size=large)');
    const [small, large] = page.matchAll(/<details class="model"([^>]*)><summary><h2 id="model-\d">([^<]*)/g);
    expect([small?.[1], small?.[2]?.trim()]).toEqual([' open=""', 'model, train (size=small)']);
    expect([large?.[1], large?.[2]?.trim()]).toEqual(['', 'model, train (size=large)']);
  });

  test('has the same table in Markdown, then what changed of each', () => {
    const text = renderMarkdown(record);
    expect(text).toContain('| model, train (size=small) | ⚠️ warn | 0.9718 | 0.0873 | 182 kB | 5.3 s |');
    expect(text).toContain('**model, train (size=large)**: ✅ pass, against `alias:production`');
  });

  test('shows a gate over all of them once', async () => {
    const apart = structuredClone(record);
    const { name: _, ...overAll } = sampleGate();
    const [first] = apart.jobs;
    if (!first) throw new Error('the sample has become smaller');
    for (const one of apart.jobs) one.gates = [];
    apart.jobs.push({
      ...structuredClone(first),
      job: 'gate',
      matrix: null,
      trainings: [],
      gates: [overAll],
    });
    const page = await renderHtml(apart);
    expect(page.match(/What changed/g)).toHaveLength(1);
    expect(renderMarkdown(apart).match(/\*\*Gate\*\*/g)).toHaveLength(1);
  });
});

describe('the timeline', () => {
  test('holds every job with its steps, and the stages within the step that they began in', async () => {
    const text = textOf(await renderHtml(sampleRecord()));
    expect(text).toContain(
      'What When Time train 30.0 s train 9.0 s data cached, saved 812 ms features cached, saved 400 ms train 4.2 s evaluate 900 ms package failure 20 ms',
    );
  });

  test('names stages that were not reached, without a bar', async () => {
    const record = sampleRecord();
    const stage = record.jobs[0]?.trainings[0]?.stages[3];
    Object.assign(stage ?? {}, { outcome: 'not-reached', key: null, durationMs: 0 });
    expect(textOf(await renderHtml(record))).toContain('evaluate not reached');
  });
});

describe('the lineage', () => {
  test('leads from the commit to the deployment', async () => {
    const text = textOf(await renderHtml(sampleRecord()));
    expect(text.slice(text.lastIndexOf('Lineage'))).toMatch(
      /^Lineage commit 1a2b3c4 4 inputs, 802\.4 MB Python 3\.12\.1, lock b{12} model d{12} , 182\.0 kB package model-package e{12} , 190\.0 kB deployed to staging as e1e1e1e1e1e1/,
    );
  });

  test('gives each model what was made of it', async () => {
    const record = sampleRecord();
    const [job] = record.jobs;
    if (!job?.trainings[0]?.model) throw new Error('the sample has become smaller');
    const other = structuredClone(job.trainings[0]);
    Object.assign(other, { name: 'other', model: { ...other.model, digest: `sha256:${'7'.repeat(64)}` } });
    job.trainings.push(other);
    const page = await renderHtml(record);
    const chains = [...page.slice(page.lastIndexOf('Lineage')).matchAll(/<ul class="lineage">(.*?)<\/ul>/gs)];
    expect(chains.map(([, chain = '']) => chain.includes('package'))).toEqual([true, false]);
  });
});
