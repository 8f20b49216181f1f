import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { Project } from './train-project.ts';

vi.setConfig({ testTimeout: 180_000 });

const projects: Project[] = [];
afterEach(async () => {
  for (const project of projects.splice(0)) await project.destroy();
});

interface Sources {
  text: string;
  depth: number;
}

type Event = (project: Project, sources: Sources) => Promise<unknown>;

const outputs = ['data/raw.txt', 'data/features.json', 'model', 'metrics.json'];
const output = fc.constantFrom(...outputs);

/** What may happen between two runs: to the sources, to the disk, and to the cache. */
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.constantFrom('one', 'one two', ' one  two').map(
    (text): Event =>
      async (project, sources) => {
        sources.text = text;
        await project.write({ 'src/text.txt': text });
      },
  ),
  fc.integer({ min: 1, max: 3 }).map(
    (depth): Event =>
      async (project, sources) => {
        sources.depth = depth;
        await project.write({ 'params.json': JSON.stringify({ train: { max_depth: depth } }) });
      },
  ),
  fc.constant<Event>((project) => project.checkOutAnew()),
  output.map(
    (path): Event =>
      (project) =>
        project.remove(path),
  ),
  output.map(
    (path): Event =>
      (project) =>
        project.evict(path),
  ),
  output.map(
    (path): Event =>
      (project) =>
        project.damage(path === 'model' ? 'model/weights.json' : path),
  ),
  fc.constant<Event>((project) => project.evict('.mlops-ledger.json')),
  fc.constant<Event>((project) => project.damage('.mlops-ledger.json')),
  fc.constant<Event>((project) => project.write({ 'model/weights.json': '{}', 'metrics.json': '{}' })),
);

test('whatever happens to disk and cache, the results are those of the sources', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(event, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 6 }),
      async (rounds) => {
        const project = await Project.pipeline();
        projects.push(project);
        const sources: Sources = { text: project.read('src/text.txt'), depth: 6 };
        for (const events of [[], ...rounds]) {
          for (const happen of events) await happen(project, sources);
          const result = await project.train();
          expect(result.exitCode, result.result.stderr).toBe(0);
          expect(result.outputs.metrics).toBe(JSON.stringify({ 'test.accuracy': sources.depth / 10 }));
          expect(JSON.parse(project.read('model/weights.json'))).toEqual({
            depth: sources.depth,
            features: JSON.stringify(sources.text.trim().split(/\s+/)),
          });
        }
        expect((await project.train()).ran).toEqual([]);
      },
    ),
    { numRuns: 5, seed: 20, endOnFailure: true },
  );
});
