import type { RunRecord } from '../src/record/index.ts';

/** A run without jobs that ended `id` seconds into a year. */
export function record(id: number, changes: Partial<RunRecord['run']> = {}): RunRecord {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, id)).toISOString();
  return {
    schema: 1,
    run: {
      id: String(id),
      attempt: 1,
      repository: 'acme/model',
      workflow: 'ml',
      event: 'push',
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      dirty: false,
      message: `run ${id}`,
      actor: 'someone',
      url: null,
      startedAt: time,
      finishedAt: time,
      ...changes,
    },
    jobs: [],
  };
}
