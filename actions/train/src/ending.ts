import { constants } from 'node:os';
import type { CommandResult } from '@mlops/core/process';

/** How a command failed, for the record and the output `outcome`. */
export type FailureKind = 'failed' | 'out-of-memory';

export interface Ending {
  kind: FailureKind;
  /** What happened, as a sentence; undefined where the exit code and the last words say it all. */
  what: string | undefined;
  /** What to do next. */
  advice: string | undefined;
}

/** What is known beside the exit code. */
export interface Evidence {
  /** Whether the kernel ended a process for lack of memory while the command ran; undefined where nobody counts. */
  oomKilled: boolean | undefined;
  /** Such as `6.9 GB of 7.0 GB`; undefined where it was not measured. */
  peakMemory: string | undefined;
}

interface Sign {
  test: (said: string, code: number, evidence: Evidence) => boolean;
  ending: (said: string, evidence: Evidence) => Ending;
}

/** Exit codes of Windows are NTSTATUS values: https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55 */
const ntStatus = {
  accessViolation: 0xc0000005,
  noMemory: 0xc0000017,
  stackOverflow: 0xc00000fd,
  ctrlC: 0xc000013a,
};

/** The signals of Linux and macOS that commands die of, as a shell reports them: 128 and their number. */
const died = {
  ...{ SIGINT: 130, SIGILL: 132, SIGABRT: 134, SIGKILL: 137, SIGSEGV: 139, SIGTERM: 143 },
  // Not the same number everywhere.
  SIGBUS: 128 + (constants.signals.SIGBUS ?? 7),
} as const;

const smaller = 'Use a smaller batch, fewer data loader workers, or a runner with more memory.';

/** The first sign that fits decides: what the command said itself comes before what its exit code suggests. */
const signs: Sign[] = [
  {
    test: (said) =>
      /CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: .*(GPU|device)|HIP out of memory|MPS backend out of memory/i.test(
        said,
      ),
    ending: () => ({
      kind: 'out-of-memory',
      what: 'the memory of the GPU was not enough',
      advice:
        'Use a smaller batch, gradient accumulation or mixed precision, or a GPU with more memory. PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True helps against fragmentation.',
    }),
  },
  {
    test: (said) =>
      /No space left on device|\[Errno 28\]|ENOSPC|There is not enough space on the disk/i.test(said),
    ending: () => ({
      kind: 'failed',
      what: 'the disk is full',
      advice:
        'Remove what the job does not need (caches, earlier checkpoints, preinstalled tools), or use a runner with a larger disk. For shared memory of data loaders, enlarge /dev/shm.',
    }),
  },
  {
    test: (said, code, { oomKilled }) =>
      /\bMemoryError\b|std::bad_alloc|Cannot allocate memory|\[Errno 12\]|can't allocate memory|JavaScript heap out of memory|Unable to allocate [\d.]+ [KMGT]iB/i.test(
        said,
      ) ||
      (code === died.SIGKILL && oomKilled === true) ||
      code === ntStatus.noMemory,
    ending: (_, { oomKilled, peakMemory }) => ({
      kind: 'out-of-memory',
      what: `${oomKilled ? 'the kernel ended it, because the memory was not enough' : 'the memory was not enough'}${peakMemory ? ` (at most ${peakMemory} were in use)` : ''}`,
      advice: smaller,
    }),
  },
  {
    test: (_, code) => code === died.SIGKILL,
    ending: (_, { oomKilled, peakMemory }) => ({
      kind: 'failed',
      what: `it was killed from outside${peakMemory ? ` (at most ${peakMemory} of memory were in use)` : ''}`,
      advice:
        oomKilled === undefined
          ? `This machine does not tell why. Most often it is the memory: ${smaller.charAt(0).toLowerCase()}${smaller.slice(1)}`
          : 'It was not for lack of memory: somebody, or a supervisor of the machine, sent SIGKILL.',
    }),
  },
  {
    test: (said) =>
      /CUDA driver version is insufficient|The NVIDIA driver on your system is too old/i.test(said),
    ending: () => ({
      kind: 'failed',
      what: "the GPU's driver is older than the packages need",
      advice:
        "Let setup-python-cuda choose packages that fit the driver ('cuda: auto'), or update the driver.",
    }),
  },
  {
    test: (said) =>
      /no kernel image is available for execution|CUDA error: invalid device function/i.test(said),
    ending: () => ({
      kind: 'failed',
      what: 'the packages have no code for this GPU',
      advice: "Let setup-python-cuda choose packages that fit the GPU: 'cuda: auto'.",
    }),
  },
  {
    test: (said) => /(Unexpected bus error|DataLoader worker .* killed by signal: Bus error)/i.test(said),
    ending: () => ({
      kind: 'out-of-memory',
      what: 'the shared memory (/dev/shm) of the data loaders was not enough',
      advice: "Use fewer workers, or give the container more: '--shm-size' or '--ipc=host'.",
    }),
  },
  {
    test: (said) => /ModuleNotFoundError: No module named|ImportError: cannot import name/.test(said),
    ending: (said) => {
      const module = /No module named '([^'.]+)/.exec(said)?.[1];
      return {
        kind: 'failed',
        what: undefined,
        advice: module
          ? `Nothing called '${module}' is in this environment or the working directory. Add the package to the project's dependencies, or its group or extra to setup-python-cuda.`
          : undefined,
      };
    },
  },
  {
    test: (_, code) =>
      code === died.SIGSEGV || code === ntStatus.accessViolation || code === ntStatus.stackOverflow,
    ending: () => ({
      kind: 'failed',
      what: 'native code crashed (segmentation fault)',
      advice:
        'Set PYTHONFAULTHANDLER=1 to see where; packages built against different versions of each other are a common cause.',
    }),
  },
  {
    test: (_, code) => code === died.SIGBUS,
    ending: () => ({
      kind: 'failed',
      what: 'a file that is mapped into memory could not be read or written (bus error)',
      advice:
        "Most often the disk or the shared memory (/dev/shm) is full: free it, use fewer data loader workers, or give the container more with '--shm-size'.",
    }),
  },
  {
    test: (_, code) => code === died.SIGILL,
    ending: () => ({
      kind: 'failed',
      what: 'the processor does not know an instruction that a package uses',
      advice:
        'Use a build of the package for older processors (for instance without AVX), or another runner.',
    }),
  },
  {
    test: (_, code) => code === died.SIGABRT,
    ending: () => ({ kind: 'failed', what: 'native code gave up (SIGABRT)', advice: undefined }),
  },
  {
    test: (_, code) => code === died.SIGTERM || code === died.SIGINT || code === ntStatus.ctrlC,
    ending: () => ({
      kind: 'failed',
      what: 'it was asked from outside to end, as when a machine is taken away',
      advice: "Re-run the job; with 'checkpoint-dir' it goes on from its last checkpoint.",
    }),
  },
  {
    test: (_, code) => code === 124,
    ending: () => ({
      kind: 'failed',
      what: undefined,
      advice:
        "124 is the exit code of the program 'timeout'. The input 'time-limit' ends a training gracefully, with a checkpoint.",
    }),
  },
  {
    test: (_, code) => code === 126 || code === 127,
    ending: () => ({
      kind: 'failed',
      what: undefined,
      advice:
        'A program was not found, or is not executable. Install it in an earlier step, or check PATH and permissions.',
    }),
  },
];

/** Tells endings apart by what the command said at last, its exit code or signal, and what else is known. */
export function explainEnding(
  { exitCode, signal, stderrTail, stdout }: CommandResult,
  evidence: Evidence,
): Ending {
  const said = [...stderrTail, ...stdout.slice(-4000).split('\n').slice(-20)].join('\n');
  const code = signal ? (died[signal as keyof typeof died] ?? 0) : (exitCode ?? 0) >>> 0;
  const sign = signs.find(({ test }) => test(said, code, evidence));
  return sign ? sign.ending(said, evidence) : { kind: 'failed', what: undefined, advice: undefined };
}
