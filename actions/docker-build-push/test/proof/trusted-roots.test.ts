import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import canonicalize from 'canonicalize';
import { afterEach, describe, expect, it } from 'vitest';
import githubRoot from '../../src/proof/github-tuf-root.json' with { type: 'json' };
import { fetchRoots, githubRepository } from '../../src/proof/trusted-roots.ts';
import { startSigstore } from './sigstore.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A TUF repository of one key that publishes a trusted root; what it serves may be altered. */
async function publish(trustedRoot: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyval = {
    public: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex'),
  };
  const role = { keyids: ['key'], threshold: 1 };
  const signed = (content: object) => {
    const common = { spec_version: '1.0.31', version: 1, expires: '2999-01-01T00:00:00Z', ...content };
    const sig = sign(null, Buffer.from(canonicalize(common) ?? ''), privateKey).toString('hex');
    return JSON.stringify({ signatures: [{ keyid: 'key', sig }], signed: common });
  };
  const meta = (name: string) => ({ [name]: { version: 1 } });
  const sha256 = createHash('sha256').update(trustedRoot).digest('hex');
  const target = { length: Buffer.byteLength(trustedRoot), hashes: { sha256 } };
  const files: Record<string, string> = {
    '/timestamp.json': signed({ _type: 'timestamp', meta: meta('snapshot.json') }),
    '/1.snapshot.json': signed({ _type: 'snapshot', meta: meta('targets.json') }),
    '/1.targets.json': signed({ _type: 'targets', targets: { 'trusted_root.json': target } }),
    [`/targets/${sha256}.trusted_root.json`]: trustedRoot,
  };
  const server = createServer((request, response) => {
    const body = files[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  const root = JSON.parse(
    signed({
      ...{ _type: 'root', consistent_snapshot: true },
      keys: { key: { keytype: 'ed25519', scheme: 'ed25519', keyval } },
      roles: { root: role, timestamp: role, snapshot: role, targets: role },
    }),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { repository: { url, root: async () => root }, files };
}

describe('fetchRoots', () => {
  it('gives the keys of every instance that answers', async () => {
    const sigstore = await startSigstore();
    closing.push(sigstore.close);
    const [one, two] = await Promise.all([publish(sigstore.roots.logged), publish(sigstore.roots.stamped)]);
    const roots = await fetchRoots([one.repository, two.repository]);
    expect(roots.map(({ tlogs }) => tlogs.length)).toEqual([1, 0]);
    for (const path of Object.keys(one.files)) delete one.files[path];
    expect(await fetchRoots([one.repository, two.repository])).toHaveLength(1);
    await expect(fetchRoots([one.repository])).rejects.toMatchObject({
      ...{ name: 'UserError', advice: expect.stringContaining('127.0.0.1') },
    });
  });

  it('takes no keys that the root does not vouch for', async () => {
    const sigstore = await startSigstore();
    closing.push(sigstore.close);
    const [one, other] = await Promise.all([publish(sigstore.roots.logged), publish(sigstore.roots.logged)]);
    await expect(fetchRoots([{ ...one.repository, root: other.repository.root }])).rejects.toThrow(
      /keys cannot be fetched/,
    );
    const target = Object.keys(one.files).find((path) => path.startsWith('/targets/')) ?? '';
    one.files[target] = (one.files[target] ?? '').replace('sigstore', 'Sigstore');
    await expect(fetchRoots([one.repository])).rejects.toThrow(/keys cannot be fetched/);
  });
});

it("GitHub's root is a root of TUF with several keys", async () => {
  expect(await githubRepository.root?.()).toEqual(githubRoot);
  expect(githubRoot.signed._type).toBe('root');
  expect(githubRoot.signed.roles.root.threshold).toBeGreaterThan(1);
});
