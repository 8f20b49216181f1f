import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cgroupOf } from '../../src/resources/cgroup.ts';
import { processorsOf, timesOf } from '../../src/resources/machine.ts';
import { statusText } from '../../src/resources/sample.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fileSystem(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'mlops-cgroup-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}

const machine = { cores: 8, memoryBytes: 16e9 };

describe('the limits of a container', () => {
  test('of version 2 are the tightest of its group and those above', () => {
    const root = fileSystem({
      'proc/self/cgroup': '0::/kubepods/pod1/run',
      'sys/fs/cgroup/cgroup.controllers': 'cpu memory',
      'sys/fs/cgroup/kubepods/cpu.max': 'max 100000',
      'sys/fs/cgroup/kubepods/memory.max': 'max',
      'sys/fs/cgroup/kubepods/pod1/cpu.max': '150000 100000',
      'sys/fs/cgroup/kubepods/pod1/cpu.stat': 'usage_usec 2500000\nuser_usec 1',
      'sys/fs/cgroup/kubepods/pod1/memory.max': '4000000000',
      'sys/fs/cgroup/kubepods/pod1/memory.current': '3000000000',
      'sys/fs/cgroup/kubepods/pod1/memory.stat': 'anon 5\ninactive_file 1000000000',
      'sys/fs/cgroup/kubepods/pod1/run/cpu.max': 'max 100000',
      'sys/fs/cgroup/kubepods/pod1/run/memory.max': '9000000000',
    });
    const { cpu, memory } = cgroupOf(machine, root);
    expect([cpu?.cores, cpu?.usedSeconds()]).toEqual([1.5, 2.5]);
    expect([memory?.bytes, memory?.usedBytes()]).toEqual([4e9, 2e9]);
  });

  test('of version 2 are found where the path is that of the host', () => {
    const root = fileSystem({
      'proc/self/cgroup': '0::/docker/0123abc',
      'sys/fs/cgroup/cgroup.controllers': 'cpu memory',
      'sys/fs/cgroup/cpu.max': '50000 100000',
      'sys/fs/cgroup/memory.max': '1000000000',
      'sys/fs/cgroup/memory.current': '700000000',
    });
    const { cpu, memory } = cgroupOf(machine, root);
    expect([cpu?.cores, cpu?.usedSeconds()]).toEqual([0.5, undefined]);
    expect([memory?.bytes, memory?.usedBytes()]).toEqual([1e9, 7e8]);
  });

  test('of version 1 stand with each controller', () => {
    const root = fileSystem({
      'proc/self/cgroup': '4:memory:/docker/x\n2:cpu,cpuacct:/docker/x\n1:name=systemd:/',
      'sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': '2000000000',
      'sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes': '1500000000',
      'sys/fs/cgroup/memory/docker/x/memory.stat': 'inactive_file 1\ntotal_inactive_file 500000000',
      'sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': '200000',
      'sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/cpuacct/docker/x/cpuacct.usage': '3500000000',
      'sys/fs/cgroup/cpuacct/cpuacct.usage': '9000000000',
    });
    const { cpu, memory } = cgroupOf(machine, root);
    expect([cpu?.cores, cpu?.usedSeconds()]).toEqual([2, 3.5]);
    expect([memory?.bytes, memory?.usedBytes()]).toEqual([2e9, 1e9]);
  });

  test.each([
    ['there is no limit', { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' }, '9223372036854771712'],
    [
      'it is more than the machine has',
      { 'cpu.cfs_quota_us': '9900000', 'cpu.cfs_period_us': '100000' },
      '17000000000',
    ],
    ['there are no groups', {}, 'nonsense'],
  ])('are none where %s', (_, cpu, memory) => {
    const root = fileSystem({
      'proc/self/cgroup': '4:memory:/\n1:cpu:/',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': memory,
      ...Object.fromEntries(Object.entries(cpu).map(([name, text]) => [`sys/fs/cgroup/cpu/${name}`, text])),
    });
    expect(cgroupOf(machine, root)).toEqual({ cpu: undefined, memory: undefined });
    expect(cgroupOf(machine, '/no/such/root')).toEqual({ cpu: undefined, memory: undefined });
  });
});

describe('times of the processors', () => {
  const stat = `cpu  100 10 20 800 50 5 5 10 40 0
cpu0 50 5 10 400 25 5 0 5 40 0
cpu1 50 5 10 400 25 0 5 5 0 0
intr 12345 0 0
cpufreq 1`;

  test('are busy, or idle and waiting for a disk; guests do not count twice', () => {
    expect(timesOf(stat)).toEqual({ busy: 150, total: 1000 });
    expect(timesOf(stat, new Set([1]))).toEqual({ busy: 75, total: 500 });
  });

  test('are those of the processors that may be used', () => {
    expect([...processorsOf('0-2,8')]).toEqual([0, 1, 2, 8]);
    expect([...processorsOf('5')]).toEqual([5]);
  });
});

describe('what the machine does', () => {
  const unknown = {
    memoryUsedBytes: undefined,
    memoryBytes: undefined,
    watts: undefined,
    celsius: undefined,
  };
  const gpu = (utilisation: number | undefined) => ({ name: 'A100', utilisation, ...unknown });
  const sample = {
    ...{ seconds: 5, memoryPeakBytes: 4e9, memoryTotalBytes: 16e9, diskFreeBytes: 1e9, processes: undefined },
    ...{ memoryUsedBytes: 3.2e9, cpuShare: 0.984 },
  };

  test.each([
    [[], 'CPU 98 %, memory 3.2 GB'],
    [[gpu(0.87)], 'CPU 98 %, memory 3.2 GB, GPU 87 %'],
    [[gpu(0.87), gpu(0), gpu(undefined)], 'CPU 98 %, memory 3.2 GB, GPUs 87 % 0 %'],
  ])('with GPUs %j', (gpus, text) => {
    expect(statusText({ ...sample, gpus })).toBe(text);
  });

  test('is left out as far as it is not known', () => {
    expect(statusText(undefined)).toBe('');
    expect(statusText({ ...sample, cpuShare: undefined, gpus: [gpu(undefined)] })).toBe('memory 3.2 GB');
  });
});
