import { expect, test } from 'vitest';
import { readGitHub } from '../src/github.ts';

test('the default branch of a scheduled run, whose payload does not tell it, is the one it runs on', () => {
  const env = { GITHUB_EVENT_NAME: 'schedule', GITHUB_REF: 'refs/heads/trunk' };
  expect(readGitHub(env).defaultBranch).toBe('trunk');
});

test('a push without a payload says nothing about the default branch', () => {
  const env = { GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/heads/feature' };
  expect(readGitHub(env).defaultBranch).toBe('main');
});
