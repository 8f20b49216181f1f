import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dockerCredentials } from '@mlops/oci';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keep, takeBack } from '../../src/login/keep.ts';
import { type Folders, folders } from './folders.ts';

const posix = process.platform !== 'win32';
const ghcr = { registry: 'ghcr.io', username: 'ada', password: 's3cret:with colon' };
const hub = { registry: 'docker.io', username: 'bob', password: 'other' };

async function write({ config }: Folders, content: unknown): Promise<string> {
  await mkdir(dirname(config), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(config, text);
  return text;
}

const read = async ({ config }: Folders) =>
  JSON.parse(await readFile(config, 'utf8')) as Record<string, unknown>;
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe("Docker's configuration", () => {
  it('gets the logins where Docker and its kin find them, for this user only', async () => {
    const at = await folders();
    await keep([ghcr, hub], at.env);
    const find = dockerCredentials(at.env);
    expect(await find('ghcr.io')).toEqual({ username: ghcr.username, password: ghcr.password });
    expect(await find('docker.io')).toEqual({ username: hub.username, password: hub.password });
    expect(Object.keys((await read(at)).auths as object)).toEqual(['ghcr.io', 'https://index.docker.io/v1/']);
    if (posix) expect((await stat(at.config)).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(at.config))).toEqual(['config.json']);
  });

  it('is afterwards what it was before, to the byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(
          fc.record(
            {
              auths: fc.dictionary(
                fc.constantFrom('ghcr.io', 'https://ghcr.io/v1/', 'https://index.docker.io/v1/', 'quay.io'),
                fc.constant(auth('old:old')),
              ),
              proxies: fc.constant({ default: { httpProxy: 'http://proxy' } }),
            },
            { requiredKeys: [] },
          ),
        ),
        fc.constantFrom(undefined, 2),
        async (before, indent) => {
          const at = await folders();
          const text = before && (await write(at, JSON.stringify(before, undefined, indent)));
          const change = await keep([ghcr, hub], at.env);
          expect(await dockerCredentials(at.env)('ghcr.io')).toMatchObject({ username: 'ada' });
          expect(await read(at)).toMatchObject(before?.proxies ? { proxies: before.proxies } : {});
          await takeBack(change, at.env);
          expect(await readFile(at.config, 'utf8').catch(() => undefined)).toBe(text ?? undefined);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps what other steps put into it meanwhile', async () => {
    const at = await folders();
    await write(at, { auths: { 'https://ghcr.io': auth('old:old') }, detachKeys: 'ctrl-q' });
    const change = await keep([ghcr, hub], at.env);
    const now = await read(at);
    const auths = now.auths as Record<string, unknown>;
    auths['quay.io'] = auth('eve:new');
    auths['https://index.docker.io/v1/'] = auth('later:login');
    await write(at, { ...now, currentContext: 'build' });
    await takeBack(change, at.env);
    expect(await read(at)).toEqual({
      auths: {
        'quay.io': auth('eve:new'),
        'https://index.docker.io/v1/': auth('later:login'),
        'https://ghcr.io': auth('old:old'),
      },
      ...{ detachKeys: 'ctrl-q', currentContext: 'build' },
    });
  });

  it('is left without an empty list where it had none', async () => {
    const at = await folders();
    await write(at, { detachKeys: 'ctrl-q' });
    const change = await keep([ghcr], at.env);
    await write(at, { ...(await read(at)), currentContext: 'build' });
    await takeBack(change, at.env);
    expect(await read(at)).toEqual({ detachKeys: 'ctrl-q', currentContext: 'build' });
  });

  it.runIf(posix)('is changed behind a symbolic link, and keeps its mode', async () => {
    const at = await folders();
    const real = join(at.root, 'real.json');
    await writeFile(real, '{}');
    await chmod(real, 0o640);
    await mkdir(dirname(at.config));
    await symlink(real, at.config);
    const change = await keep([ghcr], at.env);
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect(await readFile(real, 'utf8')).toContain('ghcr.io');
    await takeBack(change, at.env);
    expect(await readFile(real, 'utf8')).toBe('{}');
    expect((await stat(real)).mode & 0o777).toBe(0o640);
  });

  it('is not touched where it is not understood, and not quoted', async () => {
    const at = await folders();
    const text = await write(at, '{"auths": {"ghcr.io": {"auth": "c2VjcmV0"}');
    const failed = await keep([ghcr], at.env).catch(String);
    expect(failed).toContain('not the JSON that Docker writes');
    expect(failed).not.toContain('c2VjcmV0');
    expect(await readFile(at.config, 'utf8')).toBe(text);
  });
});

describe.runIf(posix)('helpers', () => {
  /** Keeps in a folder what it is given, as docker-credential-pass does; refuses what is named `broken`. */
  const program = `#!${process.execPath}
const { readFileSync, writeFileSync, rmSync, appendFileSync } = require('node:fs');
const input = readFileSync(0, 'utf8');
const verb = process.argv[2];
const given = verb === 'store' ? JSON.parse(input) : { ServerURL: input.trim() };
const file = process.env.BOX + '/' + encodeURIComponent(given.ServerURL);
appendFileSync(process.env.BOX + '/calls', verb + ' ' + process.argv.slice(3).join(' ') + '\\n');
const refuse = (text) => { console.log(text); process.exit(1); };
if (given.ServerURL.includes('broken') && verb === 'store') refuse('the box is locked');
if (verb === 'store') writeFileSync(file, JSON.stringify(given));
try {
  if (verb === 'get') console.log(readFileSync(file, 'utf8'));
  if (verb === 'erase') rmSync(file);
} catch { refuse('credentials not found in native keychain'); }
`;

  async function withHelper(config: unknown): Promise<Folders & { box: string }> {
    const at = await folders();
    await write(at, config);
    const [bin, box] = [join(at.root, 'bin'), join(at.root, 'box')];
    await mkdir(bin);
    await mkdir(box);
    await writeFile(join(bin, 'docker-credential-box'), program, { mode: 0o755 });
    return { ...at, box, env: { ...at.env, PATH: `${bin}:${process.env.PATH}`, BOX: box } };
  }

  it('get the logins of all registries, and give them back', async () => {
    const at = await withHelper({ credsStore: 'box' });
    const old = { ServerURL: 'ghcr.io', Username: 'old', Secret: 'old' };
    await writeFile(join(at.box, 'ghcr.io'), JSON.stringify(old));
    const change = await keep([ghcr, hub], at.env);
    const find = dockerCredentials(at.env);
    expect(await find('ghcr.io')).toEqual({ username: ghcr.username, password: ghcr.password });
    expect(await find('docker.io')).toEqual({ username: hub.username, password: hub.password });
    expect(await read(at)).toEqual({ credsStore: 'box' });
    await takeBack(change, at.env);
    expect(JSON.parse(await readFile(join(at.box, 'ghcr.io'), 'utf8'))).toEqual(old);
    expect((await readdir(at.box)).sort()).toEqual(['calls', 'ghcr.io']);
    // No secret among the arguments.
    expect(await readFile(join(at.box, 'calls'), 'utf8')).toMatch(/^(?:(?:get|store|erase) \n)+$/);
  });

  it('get the logins of their own registry only, and keep a later one', async () => {
    const at = await withHelper({ credHelpers: { 'ghcr.io': 'box' } });
    const change = await keep([ghcr, hub], at.env);
    expect(Object.keys((await read(at)).auths as object)).toEqual(['https://index.docker.io/v1/']);
    const later = { ServerURL: 'ghcr.io', Username: 'later', Secret: 'later' };
    await writeFile(join(at.box, 'ghcr.io'), JSON.stringify(later));
    await takeBack(change, at.env);
    expect(JSON.parse(await readFile(join(at.box, 'ghcr.io'), 'utf8'))).toEqual(later);
    expect(await read(at)).toEqual({ credHelpers: { 'ghcr.io': 'box' } });
  });

  it('that fail leave nothing behind', async () => {
    const at = await withHelper({ credHelpers: { 'ghcr.io': 'box', 'broken.example.com': 'box' } });
    const broken = { ...hub, registry: 'broken.example.com' };
    const failed = await keep([ghcr, hub, broken], at.env).catch(String);
    expect(failed).toContain('docker-credential-box store failed for broken.example.com: the box is locked');
    expect(await readdir(at.box)).toEqual(['calls']);
    expect(Object.keys(await read(at))).toEqual(['credHelpers']);
  });

  it('that do not exist are named', async () => {
    const at = await folders();
    await write(at, { credsStore: 'nowhere' });
    expect(await keep([ghcr], at.env).catch(String)).toContain('docker-credential-nowhere');
  });
});
