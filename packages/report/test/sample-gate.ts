import type { GateRecord, IntervalRecord, PlotsRecord, RuleRecord } from '@mlops/core/record';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const between = (low: number, high: number): IntervalRecord => ({ low, high, confidence: 0.95 });
const slice = { baseline: null, change: null, method: 'Wilson score' };

/** A gate over the predictions of a classifier, with rules of several verdicts and all that it may record. */
export function sampleGate(): GateRecord {
  return {
    verdict: 'warn',
    passed: true,
    name: 'model',
    baseline: {
      ...{ kind: 'alias', ref: 'alias:production', commit: 'f'.repeat(40) },
      run: { id: '37', url: 'https://github.com/acme/tumor/actions/runs/37' },
      modelDigest: digest('9'),
      parameters: { 'train.max_depth': 6, 'train.learning_rate': 0.1, 'train.bins': 64 },
      inputs: [
        { path: 'data/2025.csv', digest: digest('0'), bytes: 2_100_000 },
        { path: 'data/images', digest: `md5:${'2'.repeat(32)}.dir`, bytes: 8e8 },
        { path: 'prepare.py', digest: digest('3'), bytes: 4096 },
        { path: 'train.py', digest: digest('6'), bytes: 8800 },
      ],
      durationMs: 4900,
      cost: { amount: 0.96, currency: 'USD' },
    },
    rules: rules(),
    metrics: [
      {
        ...{ name: 'test.accuracy', greaterIsBetter: true, candidate: 0.9718, baseline: 0.9593 },
        ...{ candidateInterval: between(0.9609, 0.9797) },
        ...{ change: 0.0125, changeInterval: between(0.0031, 0.0219) },
      },
      {
        ...{ name: 'test.log_loss', greaterIsBetter: false, candidate: 0.0873, baseline: 0.09 },
        ...{ candidateInterval: between(0.0721, 0.1049) },
        ...{ change: -0.0027, changeInterval: between(-0.0112, 0.0061) },
      },
      {
        ...{ name: 'test.recall', greaterIsBetter: true, candidate: 0.951, baseline: 0.966 },
        ...{ change: -0.015, changeInterval: between(-0.028, -0.003) },
      },
      {
        ...{ name: 'latency_p95', greaterIsBetter: false, candidate: 0.012, baseline: 0.011, change: 0.001 },
      },
      { name: 'model_size', greaterIsBetter: false, candidate: 182_000, baseline: 182_000, change: 0 },
    ],
    data: {
      candidate: predictions('a', 'predictions.csv'),
      baseline: predictions('b', 'predictions.csv'),
      paired: 1200,
      unpaired: { candidate: 0, baseline: 0 },
      differentLabels: 0,
    },
    plots: plots(),
    settings: { resamples: 10_000, seed: 0 },
  };
}

function rules(): RuleRecord[] {
  return [
    {
      ...{ metric: 'test.accuracy', rule: 'threshold', bound: 0.94, candidate: 0.9718, baseline: null },
      ...{ change: null, greaterIsBetter: true, severity: 'fail', verdict: 'pass' },
      ...{ interval: between(0.9609, 0.9797), method: 'Wilson score', pValue: 0.0000012, examples: 1200 },
      explanation: '0.9718 is at least 0.94',
    },
    {
      ...{ metric: 'test.accuracy', rule: 'non_inferiority_margin', bound: 0.005, candidate: 0.9718 },
      ...{ baseline: 0.9593, change: 0.0125, greaterIsBetter: true, severity: 'fail', verdict: 'pass' },
      ...{
        interval: between(0.0031, 0.0219),
        method: 'paired bootstrap (BCa)',
        pValue: 0.0002,
        examples: 1200,
      },
      explanation: 'the change for the better of 0.0125 is enough; asked: at most 0.005 worse',
    },
    {
      ...{ metric: 'test.accuracy', rule: 'threshold', bound: 0.93, candidate: 0.952, baseline: null },
      ...{ change: null, greaterIsBetter: true, severity: 'warn', verdict: 'warn' },
      ...{
        interval: between(0.9222, 0.9706),
        method: 'Wilson score',
        pValue: 0.07,
        examples: 310,
        needed: 520,
      },
      explanation: 'site=Lyon: 0.952 may be at least 0.93, or not',
      columns: ['site'],
      worstSlice: 'site=Lyon',
      slices: [
        {
          ...{ column: 'site', value: 'Ghent', candidate: 0.981, verdict: 'pass', examples: 620, ...slice },
          ...{ interval: between(0.9668, 0.989), explanation: '0.981 is at least 0.93' },
        },
        {
          ...{
            column: 'site',
            value: 'Lyon',
            candidate: 0.952,
            verdict: 'inconclusive',
            examples: 310,
            ...slice,
          },
          ...{
            interval: between(0.9222, 0.9706),
            needed: 520,
            explanation: '0.952 may be at least 0.93, or not',
          },
        },
        {
          ...{ column: 'site', value: 'Turin', candidate: 0.9714, verdict: 'pass', examples: 245, ...slice },
          ...{ interval: between(0.942, 0.986), explanation: '0.9714 is at least 0.93' },
        },
        {
          ...{
            column: 'site',
            value: 'Basel',
            candidate: 0.92,
            verdict: 'too-small',
            examples: 25,
            ...slice,
          },
          ...{ interval: between(0.75, 0.978), explanation: '25 examples are fewer than 30' },
        },
      ],
    },
    {
      ...{ metric: 'test.log_loss', rule: 'min_relative_change', bound: 0.1, candidate: 0.0873 },
      ...{ baseline: 0.09, change: 0.03, greaterIsBetter: false, severity: 'warn', verdict: 'warn' },
      ...{ interval: between(-0.067, 0.124), method: 'paired bootstrap (BCa)', pValue: 0.08, examples: 1200 },
      ...{ needed: 4300 },
      explanation: '0.0873 is 3 % better than 0.09; asked: at least 10 % better',
    },
    {
      ...{ metric: 'model_size', rule: 'threshold', bound: 5e7, candidate: 182_000, baseline: null },
      ...{ change: null, greaterIsBetter: false, severity: 'fail', verdict: 'pass' },
      explanation: '182 kB is at most 50 MB',
    },
  ];
}

function predictions(letter: string, path: string) {
  return {
    files: [{ path, digest: digest(letter), bytes: 48_000 }],
    ...{ examples: 1200, duplicates: 0, digest: digest(letter), testSet: digest('8') },
  };
}

/** Curves of the shape that such a classifier has. */
function plots(): PlotsRecord {
  const steps = Array.from({ length: 41 }, (_, i) => i / 40);
  const curve = (bend: number) => steps.map((x): [number, number] => [x ** 3, x ** (3 * bend)]);
  const falling = (bend: number) => steps.map((x): [number, number] => [x, 1 - 0.6 * x ** bend]);
  const bins = (tilt: number) =>
    [0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95].map((predicted, i) => ({
      predicted,
      observed: Math.min(1, Math.max(0, predicted + tilt * Math.sin(2 * Math.PI * predicted))),
      examples: [510, 60, 25, 20, 30, 75, 480][i] ?? 0,
    }));
  return {
    confusion: {
      classes: ['benign', 'malignant', 'unclear'],
      candidate: [
        [598, 6, 4],
        [9, 462, 3],
        [6, 6, 106],
      ],
      baseline: [
        [592, 9, 7],
        [10, 458, 6],
        [9, 8, 101],
      ],
    },
    roc: { candidate: curve(0.06), baseline: curve(0.09) },
    precisionRecall: { candidate: falling(14), baseline: falling(9) },
    calibration: { candidate: bins(0.03), baseline: bins(-0.09) },
    residuals: { candidate: residuals(0.5, 1), baseline: residuals(0.9, 2) },
  };
}

/** Pseudo-random, the same each time. */
function residuals(spread: number, seed: number): [number, number][] {
  return Array.from({ length: 120 }, (_, i) => {
    const truth = 10 + 5 * Math.sin(i * 1.7);
    const noise = Math.sin((i + 1) * 12.9898 * seed) * 43_758.5453;
    return [truth, truth + spread * ((noise - Math.floor(noise)) * 2 - 1)];
  });
}
