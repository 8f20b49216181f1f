import { describe, expect, it } from 'vitest';
import type { ImageConfig } from '../../src/smoke/oci-layout.ts';
import { type RuncConfig, runcConfig } from '../../src/smoke/runc-config.ts';

const user = { uid: 1000, gid: 1001, additionalGids: [1001, 44], home: '/home/app' };

/** What the tests look at. */
interface Config {
  process: {
    args: string[];
    env: string[];
    cwd: string;
    user: object;
    capabilities: Record<string, string[]>;
  };
  linux: { resources: Record<string, object>; namespaces: { type: string }[] };
}

function make(config: ImageConfig, options: Partial<RuncConfig> = {}): Config {
  return runcConfig({
    ...{ config: { Cmd: ['serve'], ...config }, user, env: {}, cgroupsPath: '/test', hasSwap: false },
    limits: { memoryBytes: 2 ** 30, pids: 64, cpus: 1.5 },
    ...options,
  }) as Config;
}

describe('runcConfig', () => {
  it('starts what the image says, where and as whom it says', () => {
    const { process } = make({ Entrypoint: ['python', '-m'], Cmd: ['serve', 'a b'], WorkingDir: '/app' });
    expect(process.args).toEqual(['python', '-m', 'serve', 'a b']);
    expect(process.cwd).toBe('/app');
    expect(process.user).toEqual({ uid: 1000, gid: 1001, additionalGids: [1001, 44] });
    expect(make({ WorkingDir: '' }).process.cwd).toBe('/');
    expect(() => make({ Entrypoint: null, Cmd: [] })).toThrow('neither ENTRYPOINT nor CMD');
  });

  it("sets the image's variables, those given on top, and what a login would", () => {
    const { env } = make({ Env: ['A=1', 'B=x=y', 'PATH=/venv/bin'] }, { env: { A: '2', C: '' } }).process;
    expect(env).toEqual(['PATH=/venv/bin', 'HOME=/home/app', 'HOSTNAME=smoke-test', 'A=2', 'B=x=y', 'C=']);
    expect(make({ Env: ['HOME=/srv'] }).process.env).toContain('HOME=/srv');
    expect(make({ Env: null }).process.env[0]).toMatch(/^PATH=.*\/usr\/bin/);
  });

  it('limits memory, processes and processors', () => {
    expect(make({}).linux.resources).toMatchObject({
      memory: { limit: 2 ** 30 },
      pids: { limit: 64 },
      cpu: { period: 100_000, quota: 150_000 },
    });
    expect(make({}, { hasSwap: true }).linux.resources.memory).toEqual({ limit: 2 ** 30, swap: 2 ** 30 });
  });

  it("is on this machine's network, and may do less than root", () => {
    const types = make({}).linux.namespaces.map(({ type }) => type);
    expect(types).toEqual(['pid', 'ipc', 'uts', 'mount']);
    expect(make({}).process.capabilities.effective).toEqual(['CAP_NET_BIND_SERVICE']);
    const root = make({}, { user: { ...user, uid: 0 } }).process.capabilities;
    expect(root.effective).not.toContain('CAP_SYS_ADMIN');
    expect(root.effective).toContain('CAP_SETUID');
    expect(root.ambient).toBeUndefined();
  });
});
