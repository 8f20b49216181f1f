import { nvidiaSmi } from '@mlops/core/nvidia-smi';
import type { DeterminismRecord } from '@mlops/core/record';
import type { Parameters } from './parameters.ts';
import { pythonLibraries } from './python-libraries.ts';

/** Libraries that a record names; those that decide results come first. */
const librariesKept = 200;
const gpuAnswerMs = 15_000;

/** Libraries whose version may change a result by itself: numerics, learning, and the GPU kernels under them. */
const deciding =
  /^(?:numpy|scipy|scikit-learn|pandas|polars|pyarrow|numba|cupy-.*|statsmodels|torch|torch(?:vision|audio|-geometric|metrics)|triton|pytorch-lightning|lightning|timm|tensorflow(?:-.*)?|keras|jax|jaxlib|jax-cuda.*|flax|optax|xgboost|lightgbm|catboost|transformers|tokenizers|accelerate|peft|datasets|diffusers|sentence-transformers|bitsandbytes|deepspeed|onnx|onnxruntime(?:-.*)?|nvidia-.*|cuda-.*|cudnn|cudatoolkit|mkl|libblas|openblas|libopenblas|blis|intel-openmp)$/;

/** Variables of libraries that make results the same each time, or let them differ. */
const flagVariables = [
  'CUBLAS_WORKSPACE_CONFIG',
  'CUDA_LAUNCH_BLOCKING',
  'FLAGS_cudnn_deterministic',
  'JAX_DEFAULT_PRNG_IMPL',
  'JAX_ENABLE_X64',
  'MKL_CBWR',
  'NCCL_ALGO',
  'NCCL_PROTO',
  'NVIDIA_TF32_OVERRIDE',
  'TF_CUDNN_DETERMINISTIC',
  'TF_DETERMINISTIC_OPS',
  'TF_ENABLE_ONEDNN_OPTS',
  'TORCH_ALLOW_TF32_CUBLAS_OVERRIDE',
  'XLA_FLAGS',
];

/** Sums of floating-point numbers depend on how many threads share them. */
const threadVariables = [
  'BLIS_NUM_THREADS',
  'MKL_DYNAMIC',
  'MKL_NUM_THREADS',
  'NUMBA_NUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'OMP_DYNAMIC',
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'POLARS_MAX_THREADS',
  'RAYON_NUM_THREADS',
  'TF_NUM_INTEROP_THREADS',
  'TF_NUM_INTRAOP_THREADS',
  'VECLIB_MAXIMUM_THREADS',
];

const seedName = /(?:^|[_-])(?:seeds?|random[_-]?state|seed[_-]everything)$|randomState$/i;
const flagName = /(?:^|[_-])(?:deterministic|deterministic[_-]algorithms|benchmark)$/i;

export interface DeterminismOptions {
  folder: string;
  env: NodeJS.ProcessEnv;
  parameters: Parameters | undefined;
  /** Commands of the training, whose options may name seeds. */
  commands?: readonly string[];
  signal: AbortSignal;
  platform?: NodeJS.Platform;
}

/** What decides whether the same training gives the same result again, as far as it can be seen from outside. */
export async function determinismOf(options: DeterminismOptions): Promise<DeterminismRecord> {
  const { folder, env, parameters, commands = [], signal } = options;
  const platform = options.platform ?? process.platform;
  const [libraries, gpus] = await Promise.all([
    pythonLibraries({ folder, env, signal, platform }),
    nvidiaSmi(['name', 'driver_version'], { env, signal, platform, timeoutMs: gpuAnswerMs }),
  ]);
  const versions = [...(libraries?.versions ?? [])];
  const isDeciding = ([name]: [string, string]) => deciding.test(name);
  const ordered = [
    ...versions.filter(isDeciding).sort(),
    ...versions.filter((one) => !isDeciding(one)).sort(),
  ];
  const rows = gpus.state === 'ok' ? gpus.gpus : [];
  return {
    python: libraries?.python ?? null,
    libraries: Object.fromEntries(ordered.slice(0, librariesKept)),
    librariesLeftOut: Math.max(0, ordered.length - librariesKept),
    seeds: { ...parametersNamed(seedName, parameters), ...seedVariables(env), ...seedOptions(commands) },
    flags: { ...parametersNamed(flagName, parameters), ...variables(flagVariables, env) },
    threads: variables(threadVariables, env),
    gpus: rows.map(({ name }) => name ?? 'unknown'),
    driver: rows.find(({ driver_version }) => driver_version)?.driver_version ?? null,
  };
}

/** Parameters by the last part of their dotted key. */
function parametersNamed(pattern: RegExp, parameters: Parameters | undefined): Record<string, string> {
  const found = [...(parameters?.all ?? [])].filter(([key]) => pattern.test(key.split('.').at(-1) ?? ''));
  return Object.fromEntries(found.map(([key, { text }]) => [key, text]));
}

/** Only whole numbers, since a seed may also be what a wallet is opened with; and `random`, which Python knows. */
function seedVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const found = Object.entries(env).filter(
    ([name, value]) => /(?:^|_|HASH)SEED$/.test(name) && /^(?:-?\d{1,20}|random)$/.test(value ?? ''),
  );
  return Object.fromEntries(found.sort().map(([name, value]) => [name, value ?? '']));
}

/** `--seed 42`, `--random-state=7`, and Hydra's `train.seed=1`. */
function seedOptions(commands: readonly string[]): Record<string, string> {
  const option = /(?:^|\s)(-{0,2}[\w.-]*?(?:seed|random[_-]state))(?:\s*=\s*|\s+)(-?\d+)(?=\s|$)/g;
  const found = commands.flatMap((command) => [...command.matchAll(option)]);
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]));
}

function variables(names: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}
