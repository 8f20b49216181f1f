import type { ImageContext } from '../../src/tags/index.ts';

/** The moment and the repository of docker/metadata-action's own tests. */
export const now = new Date('2020-01-10T00:30:00.000Z');

export const repository = {
  name: 'Hello-World',
  description: 'This your first repo!',
  url: 'https://github.com/octocat/Hello-World',
  license: 'MIT',
};

/** A push to `main`, unless told otherwise. */
export function contextWith(changes: Partial<ImageContext> = {}): ImageContext {
  return {
    event: 'push',
    ref: 'refs/heads/main',
    sha: '90dd6032fac8bda1b6c4436a2e65de27961ed071',
    defaultBranch: 'main',
    repository,
    ...changes,
  };
}
