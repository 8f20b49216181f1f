import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Evidence, explainEnding } from '../src/ending.ts';
import { oomKills } from '../src/oom.ts';

const nothing: Evidence = { oomKilled: false, peakMemory: undefined };

function ending(
  end: { exitCode?: number; signal?: NodeJS.Signals; stderr?: string; stdout?: string },
  evidence: Partial<Evidence> = {},
) {
  const { exitCode = null, signal = null, stderr = '', stdout = '' } = end;
  const result = { exitCode, signal, stdout, stderrTail: stderr.split('\n') };
  const { kind, what, advice } = explainEnding(result, { ...nothing, ...evidence });
  return `${kind}: ${what ?? ''} | ${advice ?? ''}`;
}

describe('how a command ended is told apart:', () => {
  test.each<[string, Parameters<typeof ending>, RegExp]>([
    ['a plain failure', [{ exitCode: 1, stderr: 'ValueError: bad learning rate' }], /^failed: {2}\| $/],
    [
      'the kernel lacks memory',
      [{ exitCode: 137 }, { oomKilled: true, peakMemory: '6.9 GB of 7.0 GB' }],
      /^out-of-memory: the kernel ended it, because the memory was not enough \(at most 6\.9 GB of 7\.0 GB were in use\) \| Use a smaller batch/,
    ],
    [
      'killed, with memory left',
      [{ signal: 'SIGKILL' }],
      /^failed: it was killed from outside \| It was not for lack of memory/,
    ],
    [
      'killed, and nobody counts',
      [{ exitCode: 137 }, { oomKilled: undefined }],
      /^failed: it was killed from outside \| This machine does not tell why\. Most often it is the memory: use a smaller batch/,
    ],
    [
      'Python lacks memory',
      [{ exitCode: 1, stderr: 'Traceback\nMemoryError' }],
      /^out-of-memory: the memory was not enough \|/,
    ],
    [
      'NumPy lacks memory',
      [
        {
          exitCode: 1,
          stderr: 'numpy.core._exceptions._ArrayMemoryError: Unable to allocate 74.5 GiB for an array',
        },
      ],
      /^out-of-memory/,
    ],
    [
      'C++ lacks memory',
      [{ exitCode: 134, stderr: "terminate called after throwing an instance of 'std::bad_alloc'" }],
      /^out-of-memory/,
    ],
    [
      'the GPU lacks memory',
      [{ exitCode: 1, stderr: 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.' }],
      /^out-of-memory: the memory of the GPU was not enough \| .*gradient accumulation/,
    ],
    [
      'the GPU lacks memory, said on standard output',
      [{ exitCode: 1, stdout: 'epoch 1\nCUDA out of memory' }],
      /^out-of-memory: the memory of the GPU/,
    ],
    [
      'the disk is full',
      [{ exitCode: 1, stderr: "OSError: [Errno 28] No space left on device: 'x.pt'" }],
      /^failed: the disk is full \| Remove what/,
    ],
    [
      'the driver is too old',
      [{ exitCode: 1, stderr: 'CUDA driver version is insufficient for CUDA runtime version' }],
      /cuda: auto/,
    ],
    [
      'the GPU is too old',
      [{ exitCode: 1, stderr: 'CUDA error: no kernel image is available for execution on the device' }],
      /no code for this GPU/,
    ],
    [
      'shared memory',
      [{ exitCode: 1, stderr: 'RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error.' }],
      /\/dev\/shm.*--shm-size/,
    ],
    [
      'a module that is missing',
      [{ exitCode: 1, stderr: "ModuleNotFoundError: No module named 'sklearn.svm'" }],
      /Nothing called 'sklearn' is in this environment/,
    ],
    ['a segmentation fault', [{ exitCode: 139 }], /segmentation fault/],
    [
      'a bus error',
      [{ signal: 'SIGBUS' }],
      /^failed: .*\(bus error\) \| Most often the disk or the shared memory/,
    ],
    ['a segmentation fault of the command itself', [{ signal: 'SIGSEGV' }], /segmentation fault/],
    ['an access violation on Windows', [{ exitCode: -1073741819 }], /segmentation fault/],
    ['an unknown instruction', [{ exitCode: 132 }], /AVX/],
    ['an abort', [{ exitCode: 134 }], /gave up \(SIGABRT\)/],
    ['asked to end from outside', [{ exitCode: 143 }], /asked from outside to end.*checkpoint-dir/],
    ['its own time-out', [{ exitCode: 124 }], /'timeout'\. The input 'time-limit'/],
    [
      'no such program',
      [{ exitCode: 127, stderr: 'bash: trian: command not found' }],
      /not found, or is not executable/,
    ],
  ])('%s', (_, [end, evidence], expected) => {
    expect(ending(end, evidence)).toMatch(expected);
  });
});

describe('processes that the kernel ended for lack of memory are counted', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'oom-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function kills(files: Record<string, string>): Promise<number | undefined> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    return oomKills({ proc: join(root, 'proc'), cgroups: join(root, 'cgroup') });
  }

  const vmstat = { 'proc/vmstat': 'pgfault 1\noom_kill 9\n' };

  test('in a control group of version 2', async () => {
    const files = {
      'proc/self/cgroup': '0::/job/1\n',
      'cgroup/job/1/memory.events': 'low 0\noom 3\noom_kill 2\noom_group_kill 0\n',
    };
    expect(await kills({ ...vmstat, ...files })).toBe(2);
  });
  test('in a control group of version 1', async () => {
    const files = {
      'proc/self/cgroup': '8:pids:/\n4:memory:/job\n0::/\n',
      'cgroup/memory/job/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n',
    };
    expect(await kills({ ...vmstat, ...files })).toBe(4);
  });
  test('in a container, which sees its own group as the root', async () => {
    const files = { 'proc/self/cgroup': '0::/../outside\n', 'cgroup/memory.events': 'oom_kill 1\n' };
    expect(await kills({ ...vmstat, ...files })).toBe(1);
  });
  test('on the whole machine otherwise', async () => {
    expect(await kills(vmstat)).toBe(9);
  });
  test('or by nobody', async () => {
    expect(await kills({})).toBeUndefined();
  });
});
