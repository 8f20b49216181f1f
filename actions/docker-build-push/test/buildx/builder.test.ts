import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodesOf } from '../../src/buildx/builder.ts';

const printed = (name: string) => readFileSync(new URL(`inspect/${name}.txt`, import.meta.url), 'utf8');

describe('what buildx says of a builder', () => {
  it('has its nodes, with what each can do', () => {
    expect(nodesOf(printed('docker-container'))).toEqual([
      {
        ...{ builder: 'mlops-0123456789ab', driver: 'docker-container', platforms: ['linux/amd64'] },
        features: {
          'Automatically load images to the Docker Engine image store': false,
          ...{ 'Cache export': true, 'Docker exporter': true, 'Multi-platform build': true },
          'OCI exporter': true,
        },
      },
      {
        ...{ builder: 'mlops-0123456789ab', driver: 'docker-container', platforms: [], features: {} },
        error: 'failed to dial: connection refused',
      },
    ]);
  });

  it('names no features to those who do not debug', () => {
    expect(nodesOf(printed('docker'))).toEqual([
      { builder: 'default', driver: 'docker', platforms: ['linux/amd64', 'linux/386'], features: {} },
    ]);
    const [remote] = nodesOf(printed('remote'));
    expect(remote).toMatchObject({ driver: 'remote', features: {} });
    expect(remote?.platforms).toContain('linux/amd64/v4');
  });

  it('is an error where Docker does not answer', () => {
    expect(nodesOf(printed('unreachable'))).toMatchObject([
      { builder: 'default', error: expect.stringMatching(/failed to connect to the docker API/) },
    ]);
  });
});
