import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveInTree } from '../src/index.ts';
import { inTree } from './tree.ts';

const sources = { 'workflows/ci.yml': '', '.github/workflows/ci.yml': '' };
const release = { '.github/workflows/ci.yml': '' };

describe('resolveInTree', () => {
  test.each([
    [sources, 'workflows/ci.yml', './workflows/train.yml', 'workflows/train.yml'],
    [sources, 'workflows/ci.yml', './actions/train', 'actions/train/action.yml'],
    [sources, '.github/workflows/ci.yml', './.github/workflows/b.yml', '.github/workflows/b.yml'],
    [
      sources,
      'examples/a/.github/workflows/ml.yml',
      'org/mlops/.github/workflows/ci.yml@v1',
      'workflows/ci.yml',
    ],
    [sources, 'examples/a/.github/workflows/ml.yml', './own', 'examples/a/own/action.yml'],
    [sources, 'actions/own/action.yml', './actions/train', 'actions/train/action.yml'],
    [release, '.github/workflows/ci.yml', 'ORG/mlops/actions/train@v1.4.0', 'actions/train/action.yml'],
    [release, '.github/workflows/ci.yml', 'org/mlops/.github/workflows/x.yml@v1', '.github/workflows/x.yml'],
    [release, '.github/workflows/ci.yml', '$/actions/train', 'actions/train/action.yml'],
    [release, '.github/workflows/ci.yml', 'org/mlops@v1', 'action.yml'],
    [release, '.github/workflows/ci.yml', 'org/mlops/actions/train', undefined],
    [release, '.github/workflows/ci.yml', 'org/mlops-else/actions/train@v1', undefined],
    [release, '.github/workflows/ci.yml', 'actions/checkout@v6', undefined],
    [release, '.github/workflows/ci.yml', 'docker://alpine@sha256:00', undefined],
  ])('%#: from %2$s, %3$s', (files, from, uses, expected) => {
    const found = inTree(files, (root) => {
      const path = resolveInTree(root, 'org/mlops')(uses, join(root, from));
      return path && relative(root, path).replaceAll('\\', '/');
    });
    expect(found).toBe(expected);
  });

  test.each([
    ['org/mlops/.github/workflows/train.yml@v1', 'rendered/train.yml'],
    ['$/.github/workflows/train.yml', 'rendered/train.yml'],
    ['org/mlops/actions/train@v1', 'actions/train/action.yml'],
    ['$/actions/train', 'actions/train/action.yml'],
  ])('takes %s from a folder of rendered workflows beside the actions', (uses, expected) => {
    const found = inTree(sources, (root) => {
      const rendered = join(root, 'rendered');
      const path = resolveInTree(root, 'org/mlops', rendered)(uses, join(rendered, 'pipeline.yml'));
      return relative(root, path ?? '').replaceAll('\\', '/');
    });
    expect(found).toBe(expected);
  });

  test("finds an action's file also under its other name", () => {
    const found = inTree({ 'actions/a/action.yaml': '' }, (root) =>
      relative(root, resolveInTree(root, 'org/mlops')('./actions/a', join(root, 'workflows', 'x.yml')) ?? ''),
    );
    expect(found).toBe(join('actions', 'a', 'action.yaml'));
  });
});
