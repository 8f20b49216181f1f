import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCredentials, spellings } from '../src/credentials.ts';

test('an address or a name, with user and token', () => {
  const text = `
# The team's index
https://robot:t%40ken@Index.Example.com:8443/simple
torch-mirror=robot:a:b=c
https://only-a-token@repo.example.com
https://conda.example.com/t/in-path/ml
`;
  expect(parseCredentials(text)).toEqual([
    { for: { host: 'index.example.com' }, user: 'robot', secret: 't@ken' },
    { for: { name: 'torch-mirror' }, user: 'robot', secret: 'a:b=c' },
    { for: { host: 'repo.example.com' }, user: undefined, secret: 'only-a-token' },
    { for: { host: 'conda.example.com' }, user: undefined, secret: 'in-path', inPath: true },
  ]);
});

const word = fc.stringMatching(/^[^\s:@/]{1,12}$/);

test('any user and token survive an address, and are masked as they stand there', () => {
  fc.assert(
    fc.property(word, fc.stringMatching(/^\S{1,20}$/), (user, secret) => {
      const line = `https://${encodeURIComponent(user)}:${encodeURIComponent(secret)}@host.example`;
      const [credential] = parseCredentials(line);
      expect(credential).toEqual({ for: { host: 'host.example' }, user, secret });
      const masked = credential ? spellings(credential) : [];
      expect(masked).toContain(secret);
      expect(masked).toContain(encodeURIComponent(secret));
      expect(masked).toContain(new URL(line).password);
      expect(masked).toContain(Buffer.from(`${user}:${secret}`).toString('base64'));
    }),
  );
});

test('errors name the line and repeat nothing of it', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{6,12}$/), (secret) => {
      const lines = [secret, `https://${secret}`, `https://u:${secret}%zz@h.example`, `n=u:${secret} x`];
      for (const line of lines) {
        const error = thrown(() => parseCredentials(`# first\n${line}`));
        expect(String(error)).toContain('input index-credentials, line 2: ');
        expect(String(error)).not.toContain(secret);
      }
    }),
  );
});

function thrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
