import type { RunRecord, StageRecord } from '@mlops/core/record';
import { sampleGate } from './sample-gate.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

function stage(name: string, startedMs: number, changes: Partial<StageRecord> = {}): StageRecord {
  return {
    name,
    outcome: 'ran',
    reason: 'never ran here',
    key: digest('a'),
    durationMs: 1500,
    savedMs: 0,
    startedAt: new Date(Date.UTC(2026, 0, 31, 9, 5, 0, startedMs)).toISOString(),
    inputs: [],
    outputs: [],
    parameters: {},
    ...changes,
  };
}

/** A run with everything in it that the report shows. */
export function sampleRecord(): RunRecord {
  return {
    schema: 1,
    run: {
      id: '42',
      attempt: 1,
      repository: 'acme/tumor',
      workflow: 'ml',
      event: 'push',
      ref: 'refs/heads/main',
      commit: '1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d',
      dirty: false,
      message: 'Deepen the trees <script>alert(1)</script>',
      actor: 'ada',
      url: 'https://github.com/acme/tumor/actions/runs/42',
      startedAt: '2026-01-31T09:05:00.000Z',
      finishedAt: '2026-01-31T09:05:48.000Z',
    },
    jobs: [
      {
        schema: 1,
        job: 'train',
        matrix: null,
        attempt: 1,
        startedAt: '2026-01-31T09:05:00.000Z',
        finishedAt: '2026-01-31T09:05:30.000Z',
        hardware: { os: 'linux', arch: 'x64', cpu: 'Xeon', cores: 2, memoryBytes: 24e9, runner: 'runner-1' },
        steps: [
          { action: 'train', startedAt: '2026-01-31T09:05:00.000Z', durationMs: 9000, outcome: 'success' },
          {
            action: 'package',
            startedAt: '2026-01-31T09:05:10.000Z',
            durationMs: 20,
            outcome: 'failure',
            error: "'serve.py' matches no file",
          },
        ],
        environments: [
          {
            manager: 'uv',
            python: '3.12.1',
            lock: { path: 'requirements.txt', digest: digest('b') },
            digest: digest('c'),
            cacheHit: true,
            durationMs: 1200,
          },
        ],
        trainings: [
          {
            name: 'model',
            stages: [
              stage('data', 0, {
                outcome: 'skipped',
                reason: 'nothing changed',
                durationMs: 4,
                savedMs: 812,
                inputs: [
                  { path: 'data/2026.csv', digest: digest('1'), bytes: 2_400_000 },
                  { path: 'data/images', digest: `md5:${'2'.repeat(32)}.dir`, bytes: 8e8 },
                  { path: 'prepare.py', digest: digest('3'), bytes: 4096 },
                ],
                outputs: [{ path: 'data.parquet', digest: digest('4'), bytes: 1e6, restored: true }],
              }),
              stage('features', 4, {
                outcome: 'skipped',
                reason: 'nothing changed',
                durationMs: 3,
                savedMs: 400,
              }),
              stage('train', 10, {
                reason: 'params train.max_depth changed: 6 → 8',
                durationMs: 4200,
                inputs: [
                  { path: 'data.parquet', digest: digest('4'), bytes: 1e6 },
                  { path: 'train.py', digest: digest('5'), bytes: 9000 },
                ],
                parameters: { 'train.max_depth': 8 },
              }),
              stage('evaluate', 4210, { reason: 'input model changed', durationMs: 900 }),
            ],
            parameters: { 'train.max_depth': 8, 'train.learning_rate': 0.1, 'train.seed': 7 },
            metrics: { 'test.accuracy': 0.9718, 'test.log_loss': 0.0873, 'test.auc': 'NaN' },
            curves: {
              'train.loss': [0.6, 0.4, 0.25, 0.18, 0.14].map((value, step) => ({ step, value })),
              'valid.loss': [0.62, 0.45, 0.33, 0.3, 0.29].map((value, step) => ({ step, value })),
            },
            model: { path: 'model', digest: digest('d'), bytes: 182_000, artifact: 'model' },
            durationMs: 5300,
            resources: {
              durationMs: 1_200_000,
              cores: 4,
              memoryBytes: 16e9,
              cpuMean: 0.62,
              memoryPeakBytes: 6.4e9,
              diskFreeLeastBytes: 41e9,
              processes: { cpuSeconds: 2900.5, memoryPeakBytes: 5.1e9, writtenBytes: 1.2e9 },
              seconds: [5, 300, 600, 900, 1200],
              cpu: [null, 0.4, 0.9, 0.85, 0.3],
              memory: [2e9, 4e9, 6.4e9, 6.2e9, 3e9],
              diskFree: [43e9, 42e9, 42e9, 41e9, 41e9],
              gpus: [
                {
                  name: 'Tesla T4',
                  memoryBytes: 16e9,
                  utilisationMean: 0.87,
                  memoryPeakBytes: 11e9,
                  utilisation: [null, 0.8, 0.95, 0.9, 0.83],
                  memory: [null, 9e9, 11e9, 11e9, 10e9],
                  watts: [null, 61, 69, 68, 60],
                  celsius: [null, 55, 63, 66, 64],
                },
              ],
              energy: {
                wattHours: 24.6,
                cpuWattHours: 3.1,
                cpuSource: 'estimate',
                gpuWattHours: 21.5,
                co2Grams: 9.8,
              },
              cost: {
                amount: 1.04,
                currency: 'USD',
                basis: "GitHub's price for Linux X64, 4 cores and a GPU",
              },
            },
            determinism: {
              python: '3.12.1',
              libraries: { numpy: '2.1.0', torch: '2.4.0+cu121', attrs: '24.2.0' },
              librariesLeftOut: 3,
              seeds: { 'train.seed': '7', PYTHONHASHSEED: '0' },
              flags: { CUBLAS_WORKSPACE_CONFIG: ':4096:8' },
              threads: { OMP_NUM_THREADS: '4' },
              gpus: ['Tesla T4'],
              driver: '550.54.15',
            },
          },
        ],
        gates: [sampleGate()],
        packages: [
          {
            name: 'model-package',
            digest: digest('e'),
            bytes: 190_000,
            files: 12,
            artifact: 'model-package',
            modelDigest: digest('d'),
          },
        ],
        images: [],
        modelArtifacts: [],
        deployments: [
          {
            target: 'host',
            environment: 'staging',
            outcome: 'deployed',
            revision: 'e1e1e1e1e1e1',
            previousRevision: 'd0d0d0d0d0d0',
            url: 'http://127.0.0.1:8000',
            digest: digest('e'),
            modelDigest: digest('d'),
            durationMs: 2300,
            smoke: [
              {
                request: 'POST /predict',
                status: 200,
                durationMs: 4,
                passed: true,
                response: '{"label":"malignant","score":0.98}',
              },
            ],
            reason: null,
          },
        ],
      },
    ],
  };
}
