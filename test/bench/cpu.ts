import { command } from '@mlops/core/process';

export interface CpuOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Whether the program may end with another exit code than 0. */
  tolerate?: boolean;
}

/** CPU seconds, user and system, of a program and all it waited for; bash is what counts them. */
export async function cpuSeconds(
  program: string,
  args: readonly string[],
  options: CpuOptions = {},
): Promise<number> {
  const { cwd = process.cwd(), env = process.env, tolerate = false } = options;
  const script = `"$@" >/dev/null 2>&1 ${tolerate ? ';' : '&&'} times`;
  const { stdout } = await command('bash', ['-c', script, 'bash', program, ...args], {
    cwd,
    env: { ...env, LC_ALL: 'C' },
  });
  const [, children = ''] = stdout.trim().split('\n');
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  if (times.length !== 2) throw new Error(`bash said '${stdout}' instead of two lines of times`);
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
