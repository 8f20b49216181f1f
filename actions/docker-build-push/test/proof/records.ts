import type { RunRecord } from '@mlops/core/record';
import * as fc from 'fast-check';

export const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

/** A run that trained one model of one file of data and one of code, and whose gate passed. */
export function sampleRecord(): RunRecord {
  const at = '2026-01-31T09:05:00.000Z';
  const later = '2026-01-31T09:06:00.000Z';
  return {
    schema: 1,
    run: {
      ...{ id: '42', attempt: 1, repository: 'acme/tumor', workflow: 'ml', event: 'push' },
      ...{ ref: 'refs/heads/main', commit: '1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d', dirty: false },
      ...{ message: 'Deepen the trees', actor: 'ada', url: 'https://github.com/acme/tumor/actions/runs/42' },
      ...{ startedAt: at, finishedAt: later },
    },
    jobs: [
      {
        ...{ schema: 1, job: 'train', matrix: null, attempt: 1, startedAt: at, finishedAt: later },
        hardware: { os: 'linux', arch: 'x64', cpu: 'Xeon', cores: 2, memoryBytes: 24e9, runner: 'runner-1' },
        steps: [],
        environments: [
          {
            ...{ manager: 'uv', python: '3.12.1', digest: digest('c'), cacheHit: true, durationMs: 1200 },
            lock: { path: 'requirements.txt', digest: digest('b') },
          },
        ],
        trainings: [
          {
            name: 'model',
            outcome: 'finished',
            stages: [
              {
                ...{ name: 'train', outcome: 'ran', reason: 'never ran here', key: digest('a') },
                ...{ durationMs: 1500, savedMs: 0, startedAt: at, parameters: { depth: 8 } },
                inputs: [
                  { path: 'data.csv', digest: digest('1'), bytes: 2400 },
                  { path: 'train.py', digest: digest('3'), bytes: 4096 },
                ],
                outputs: [
                  { path: 'model.json', digest: digest('d'), bytes: 180, restored: false },
                  { path: 'metrics.json', digest: digest('e'), bytes: 40, restored: false },
                ],
              },
            ],
            parameters: { depth: 8, seed: 7 },
            metrics: { accuracy: 0.9718, auc: 'NaN' },
            curves: { loss: [{ step: 0, value: 0.6 }] },
            model: { path: 'model.json', digest: digest('d'), bytes: 180, artifact: 'model' },
            durationMs: 5300,
          },
        ],
        gates: [
          {
            ...{ verdict: 'pass', passed: true, name: 'model' },
            rules: [
              {
                ...{ metric: 'accuracy', rule: 'threshold', bound: 0.9, candidate: 0.9718, baseline: 0.96 },
                ...{ change: 0.0118, explanation: 'above', greaterIsBetter: true, severity: 'fail' },
                interval: { low: 0.95, high: 0.99, confidence: 0.95 },
                verdict: 'pass',
              },
            ],
            baseline: { kind: 'alias', ref: 'production', commit: null, modelDigest: digest('f') },
            data: {
              candidate: {
                ...{ files: [], examples: 1000, duplicates: 0, digest: digest('7'), testSet: digest('8') },
              },
              ...{ baseline: null, paired: null, unpaired: null, differentLabels: null },
            },
          },
        ],
        packages: [
          {
            ...{ name: 'model-package', digest: digest('9'), bytes: 10_240, files: 3 },
            ...{ artifact: 'model-package', modelDigest: digest('d') },
          },
        ],
        images: [],
        modelArtifacts: [],
        deployments: [],
      },
    ],
  };
}

/** The subject of a statement, without a registry. */
export const sampleSubject = {
  name: 'ghcr.io/acme/tumor',
  descriptor: {
    ...{ mediaType: 'application/vnd.oci.image.index.v1+json', digest: digest('0'), size: 1234 },
  },
  platforms: ['amd64', 'arm64'].map((architecture, i) => ({
    ...{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digest(String(i + 5)), size: 500 },
    platform: { os: 'linux', architecture },
  })),
};

/** Bytes, a place in them, and another byte for that place. */
export const otherByte = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  by: fc.integer({ min: 1, max: 255 }),
});

export function flipped(bytes: Buffer, { at, by }: { at: number; by: number }): Buffer {
  const copy = Buffer.from(bytes);
  const place = Math.floor(at * copy.length);
  copy[place] = (copy[place] ?? 0) ^ by;
  return copy;
}
