import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';

/** What a Python program with NumPy, SciPy and scikit-learn makes of `input`; both sides speak JSON, with null for NaN. */
export async function science<T>(program: string, input: unknown): Promise<T> {
  const { stdout } = await command(
    await tool('python-science'),
    ['-W', 'ignore', '-c', `${prelude}${program}`],
    {
      input: JSON.stringify(input),
    },
  );
  return JSON.parse(stdout) as T;
}

const prelude = `
import json, math, sys
import numpy as np
given = json.load(sys.stdin)
def clean(value):
    if isinstance(value, (list, tuple, np.ndarray)): return [clean(one) for one in value]
    if isinstance(value, dict): return {key: clean(one) for key, one in value.items()}
    value = float(value)
    return value if math.isfinite(value) else None
def answer(value): print(json.dumps(clean(value)))
`;
