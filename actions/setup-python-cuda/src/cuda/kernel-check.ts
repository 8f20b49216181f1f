import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { writeJobFile } from '../job-file.ts';
import { versionText } from './backend.ts';
import { architecture, backendsFor, type Capability, generation, hasKernels } from './capability.ts';

/** What PyTorch says of itself and the GPUs, as the script below prints it. */
export interface TorchReport {
  /** Undefined where it is not installed. */
  version?: string;
  /** The version of CUDA that it was built for; null for a build without. */
  cuda?: string | null;
  /** What its kernels were compiled for: `sm_90`, and `compute_90` for code that newer GPUs translate. */
  architectures?: string[];
  gpus?: { name: string; capability: [major: number, minor: number] }[];
  /** What went wrong first, in Python's words. */
  error?: string;
}

const mark = 'mlops-torch:';

/** A product of matrices of ones on every GPU: each of its numbers is the length of a row. */
const script = `import json
report = {}
try:
    import torch
    report["version"] = str(torch.__version__)
    report["cuda"] = torch.version.cuda
    if torch.version.cuda:
        torch.cuda.init()
        report["architectures"] = list(torch.cuda.get_arch_list())
        report["gpus"] = [
            {"name": torch.cuda.get_device_name(i), "capability": list(torch.cuda.get_device_capability(i))}
            for i in range(torch.cuda.device_count())
        ]
        for i in range(torch.cuda.device_count()):
            ones = torch.ones(16, 16, device="cuda:%d" % i)
            total = float((ones @ ones).sum())
            if total != 4096:
                raise ArithmeticError("on GPU %d the sum of a product of matrices is %r and not 4096" % (i, total))
except ModuleNotFoundError as error:
    if error.name != "torch":
        report["error"] = "%s: %s" % (type(error).__name__, error)
except Exception as error:
    report["error"] = "%s: %s" % (type(error).__name__, error)
print("\\n${mark}" + json.dumps(report))
`;

/** Has the environment's PyTorch compute something on every GPU. */
export async function askTorch(
  python: string,
  { temp, signal, timeoutMs = 300_000 }: { temp: string; signal: AbortSignal; timeoutMs?: number },
): Promise<TorchReport> {
  const file = await writeJobFile(temp, 'check_torch.py', script);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const result = await command(python, ['-I', file], {
      signal: AbortSignal.any([signal, timeout]),
      tolerate: true,
    });
    const line = result.stdout.split('\n').findLast((each) => each.startsWith(mark));
    if (line) return JSON.parse(line.slice(mark.length)) as TorchReport;
    const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.exitCode}`;
    return { error: [`Python ${how}`, ...result.stderrTail.slice(-3)].join('\n') };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return { error: `it had not computed a small product within ${timeoutMs / 1000} s` };
    throw error;
  }
}

/**
 * Whether an installed PyTorch can use the GPUs. Throws a UserError with the cause and the backend to choose; returns
 * what there is to say otherwise.
 * @param fitting backends that run here, the best one first
 */
export function judgeTorch(report: TorchReport, backend: string, fitting: readonly string[]): string {
  const { version, cuda, architectures = [], gpus = [], error } = report;
  if (version === undefined && error === undefined)
    return 'PyTorch is not installed, so there are no kernels to check.';
  const named = `PyTorch ${version ?? ''}`.trim();
  if (version !== undefined && !cuda)
    throw new UserError(`${named} is a build for processors, although ${backend} was chosen`, {
      advice:
        "Something among the requirements fixes that build: a version with '+cpu', an address, or an index in pyproject.toml.",
    });
  for (const { name, capability } of gpus) {
    const of = capability[0] * 10 + capability[1];
    if (runsOn(architectures, of)) continue;
    const better = fitting.find((each) => each !== backend && hasKernels(each, of));
    throw new UserError(
      `${named} has no kernels for ${name} (${generation(of)}, ${architecture(of)}); it has them for ${architectures.join(', ') || 'none'}`,
      {
        advice: better
          ? `Choose 'cuda: ${versionText(better)}', or another version of PyTorch: builds of ${backendsFor(of)} have them.`
          : `Choose another version of PyTorch: builds of ${backendsFor(of)} have them.`,
      },
    );
  }
  if (error)
    throw new UserError(`${named} does not work on this machine's GPUs: ${error}`, {
      advice:
        "The driver, a container without access to its GPUs, or a GPU that is broken or in exclusive use may be the cause: look at nvidia-smi. Without a GPU: 'cuda: cpu'.",
    });
  if (!gpus.length)
    throw new UserError(`${named} sees no GPU, although nvidia-smi does`, {
      advice: 'Look at CUDA_VISIBLE_DEVICES, and whether the container was given its GPUs (--gpus all).',
    });
  return `${named} has kernels for ${[...new Set(gpus.map(({ name }) => name))].join(', ')} and computes on ${gpus.length === 1 ? 'it' : 'them'}.`;
}

/**
 * Whether code for these architectures runs on a GPU: binary code within the same major version from its minor version
 * on, and intermediate code (`compute_…`) on everything newer. Code for one architecture alone (`sm_90a`) only there.
 * https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility
 */
export function runsOn(architectures: readonly string[], capability: Capability): boolean {
  return architectures.some((each) => {
    const [, kind, digits, specific] = /^(sm|compute)_(\d+)([a-z]?)$/.exec(each) ?? [];
    if (!kind || !digits) return false;
    const built = Number(digits);
    if (specific === 'a') return built === capability;
    if (kind === 'compute' && !specific) return built <= capability;
    return Math.floor(built / 10) === Math.floor(capability / 10) && built <= capability;
  });
}
