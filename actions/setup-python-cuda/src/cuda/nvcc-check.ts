import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';

/** A kernel that needs the compiler, its headers, libdevice and the assembler. */
const source = `__global__ void scale(float *values, float by, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = expf(values[i]) * by;
}
`;

/**
 * Has nvcc say its version and compile a kernel. An nvcc that does not run is an error; one that cannot compile here,
 * for want of a compiler for processors, say, is a warning, since that compiler may come in a later step.
 */
export async function checkNvcc(
  home: string,
  { temp, signal }: { temp: string; signal: AbortSignal },
): Promise<void> {
  const nvcc = join(home, 'bin', process.platform === 'win32' ? 'nvcc.exe' : 'nvcc');
  const { stdout } = await command(nvcc, ['--version'], { signal });
  const [version] = /release [\d.]+, V[\d.]+/.exec(stdout) ?? [];
  if (!version) throw new UserError(`${nvcc} does not say its version: ${stdout.trim()}`);
  process.stdout.write(`nvcc ${version}\n`);
  const folder = await mkdtemp(join(temp, 'nvcc-'));
  try {
    await writeFile(join(folder, 'scale.cu'), source);
    const {
      exitCode,
      stdout: said,
      stderrTail,
    } = await command(nvcc, ['--cubin', '-o', 'scale.cubin', 'scale.cu'], {
      cwd: folder,
      signal,
      tolerate: true,
    });
    if (exitCode === 0) process.stdout.write('nvcc compiles a kernel.\n');
    else
      annotate('warning', `nvcc cannot compile here: ${[said, ...stderrTail].join('\n').trim()}\n${advice}`, {
        title: 'nvcc',
      });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const advice =
  process.platform === 'win32'
    ? "It needs Microsoft's compiler: set its environment up in an earlier step (vcvars64.bat), so that cl.exe is on PATH."
    : 'It needs a C++ compiler that this CUDA supports: install g++ in an earlier step, or name one in NVCC_CCBIN.';
