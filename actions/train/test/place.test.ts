import { expect, test } from 'vitest';
import { checkpointDirProblems, projectOf, runOf } from '../src/checkpoints/place.ts';
import type { Stage } from '../src/stages.ts';

const stage = (parts: Partial<Stage>): Stage => ({
  ...{ name: 'train', run: 'x', inputs: [], outputs: [], params: [], seeded: true },
  ...parts,
});

test.each([
  ['checkpoints', undefined],
  ['out/run 1', undefined],
  ['.', /cannot be used: an output cannot be the whole working directory/],
  ['..', /cannot be used: it leads out of the working directory/],
  ['a/../../b', /cannot be used: it leads out of the working directory/],
  ['/mnt/data', /cannot be used: it is absolute/],
  ['C:/data', /cannot be used: it is absolute/],
  ['~/checkpoints', /cannot be used: it is absolute/],
  ['.mlops', /cannot be used: that folder has a use already/],
  ['.git/x', /cannot be used: that folder has a use already/],
])('the folder %s', (dir, expected) => {
  const messages = checkpointDirProblems(dir, 'python train.py').map(({ message }) => message);
  expect(messages).toEqual(expected ? [expect.stringMatching(expected)] : []);
});

test.each([
  [{ outputs: ['out'] }, 'out/checkpoints', "the output 'out' of stage 'train' holds it, or lies in it"],
  [{ outputs: ['checkpoints/best.pt'] }, 'checkpoints', "the output 'checkpoints/best.pt' of stage 'train'"],
  [{ inputs: ['.'] }, 'checkpoints', "the input '.' of stage 'train' holds it"],
  [{ inputs: ['**/*.py'] }, 'checkpoints', "the input '**/*.py' of stage 'train' holds it"],
  [{ inputs: ['src'], outputs: ['model'] }, 'checkpoints', undefined],
])('of stages with %j the folder %s', (parts, dir, expected) => {
  const messages = checkpointDirProblems(dir, [stage(parts)]).map(({ message }) => message);
  expect(messages).toEqual(expected ? [expect.stringContaining(expected)] : []);
});

test('jobs, projects and runs are told apart', () => {
  const place = (folder: string, runId = '7') =>
    ({
      workingDirectory: `/w/${folder}`,
      github: { workspace: '/w', repository: 'o/r', runId },
      record: { startedAt: '2026-01-01T00:00:00Z' },
    }) as Parameters<typeof runOf>[0];
  expect(projectOf(place('a'), {})).not.toBe(projectOf(place('b'), {}));
  expect(projectOf(place('a'), { fold: 1 })).not.toBe(projectOf(place('a'), { fold: 2 }));
  expect(projectOf(place('a'), {})).toBe(projectOf(place('a', '8'), {}));
  expect([runOf(place('a')), runOf(place('a', '0'))]).toEqual(['7', '2026-01-01T00:00:00Z']);
});
