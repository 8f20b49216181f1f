import { describe, expect, it } from 'vitest';
import { serviceOf } from '../../src/login/amazon.ts';
import { settle } from '../../src/login/request.ts';

describe('the provider', () => {
  it.each([
    ['docker.io', 'none'],
    ['registry.example.com:5000', 'none'],
    ['ghcr.io', 'ghcr'],
    ['containers.github.example.com', 'ghcr'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'ecr'],
    ['123456789012.dkr-ecr.us-east-1.on.aws', 'ecr'],
    ['public.ecr.aws', 'ecr-public'],
    ['europe-west1-docker.pkg.dev', 'gar'],
    ['eu.gcr.io', 'gar'],
    ['gcr.io', 'gar'],
    ['models.azurecr.io', 'acr'],
    ['models.azurecr.us', 'acr'],
    // Only looks like one.
    ['evil-azurecr.io', 'none'],
    ['dkr.ecr.eu-west-1.amazonaws.com.example.com', 'none'],
    ['ghcr.io.example.com', 'none'],
  ])('of %s is %s', (registry, expected) => {
    const env = { GITHUB_SERVER_URL: 'https://github.example.com' };
    expect(settle({ registry }, env).provider).toBe(expected);
  });

  it('may be named', () => {
    expect(settle({ registry: 'mirror.example.com', provider: 'gar' }, {}).provider).toBe('gar');
    const wrong = () => settle({ registry: 'mirror.example.com', provider: 'ecr-pubic' }, {});
    expect(wrong).toThrow(expect.objectContaining({ advice: expect.stringContaining("'ecr-public'") }));
  });
});

describe('the registry', () => {
  it.each([
    ['https://index.docker.io/v1/', 'docker.io'],
    ['', 'docker.io'],
    ['https://GHCR.io/', 'ghcr.io'],
    ['ghcr.io/acme', 'ghcr.io'],
    ['[::1]:5000', '[::1]:5000'],
  ])('%s is %s', (given, expected) => {
    expect(settle({ registry: given }, {}).registry).toBe(expected);
  });

  it.each(['my registry', 'host:port', 'user:pass@ghcr.io'])('is not %s', (given) => {
    expect(() => settle({ registry: given }, {})).toThrow('no registry');
  });
});

describe("Amazon's tokens", () => {
  it.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'https://api.ecr.eu-west-1.amazonaws.com/', 'eu-west-1'],
    [
      '123456789012.dkr.ecr-fips.us-east-1.amazonaws.com',
      'https://ecr-fips.us-east-1.amazonaws.com/',
      'us-east-1',
    ],
    [
      '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
      'https://api.ecr.cn-north-1.amazonaws.com.cn/',
      'cn-north-1',
    ],
    ['123456789012.dkr-ecr.us-east-1.on.aws', 'https://ecr.us-east-1.api.aws/', 'us-east-1'],
    [
      '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
      'https://ecr.cn-north-1.api.amazonwebservices.com.cn/',
      'cn-north-1',
    ],
    [
      '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu',
      'https://api.ecr.eusc-de-east-1.amazonaws.eu/',
      'eusc-de-east-1',
    ],
  ])('for %s come from %s', (registry, url, region) => {
    const service = serviceOf({ registry, provider: 'ecr' }, { env: {}, endpoints: {} });
    expect([service.url.href, service.region]).toEqual([url, region]);
  });

  it('for the public registry come from one region', () => {
    const { url, region } = serviceOf(
      { registry: 'public.ecr.aws', provider: 'ecr-public' },
      { env: { AWS_REGION: 'eu-west-1' }, endpoints: {} },
    );
    expect([url.href, region]).toEqual(['https://api.ecr-public.us-east-1.amazonaws.com/', 'us-east-1']);
  });

  it('need a region where the name has none', () => {
    const request = { registry: 'mirror.example.com', provider: 'ecr' } as const;
    expect(() => serviceOf(request, { env: {}, endpoints: {} })).toThrow('the region is not known');
    expect(serviceOf(request, { env: { AWS_REGION: 'eu-west-1' }, endpoints: {} }).region).toBe('eu-west-1');
  });
});
