import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { judge, lockText, parsedLock, readProject } from '../../actions/train/src/dvc/plan.ts';
import { findProject } from '../../actions/train/src/dvc/project.ts';
import { Unsure } from '../../actions/train/src/dvc/unsure.ts';
import { DvcProcess } from './dvc-process.ts';
import { DvcRepository } from './train-dvc-project.ts';

vi.setConfig({ testTimeout: 900_000 });

/**
 * Random projects of three stages, changed at random after they were run: what we take for unchanged must be unchanged
 * for DVC, too. The other way round we may start DVC needlessly, but not for the plain things that most changes are.
 */
const runs = Number(process.env.DVC_DECISIONS ?? 15);

let repository: DvcRepository;
let dvc: DvcProcess;
beforeAll(async () => {
  repository = await DvcRepository.with({ 'raw/a.txt': 'a\n' });
  dvc = await DvcProcess.start(repository.env);
});
afterAll(async () => {
  await dvc.stop();
  await repository.destroy();
});

const scalar = fc.oneof(
  fc.integer({ min: -5, max: 5000 }).map(String),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
    .map((value) => value.toExponential(3)),
  fc.constantFrom(
    'true',
    'no',
    'null',
    '~',
    "'1'",
    '1.0',
    '0.1',
    '1e-05',
    '10_0',
    '.5',
    '0x1F',
    'a b',
    '"x: y"',
    '2020-01-02x',
  ),
  fc.constantFrom('[1, 2.5, x]', '{a: 1, b: [2]}', '[]', '""', 'ünïcode', '1.2.3', './x', '-n'),
);

const project = fc.record({
  lr: scalar,
  depth: scalar,
  extra: scalar,
  wdir: fc.boolean(),
  json: fc.boolean(),
  whole: fc.boolean(),
  folder: fc.boolean(),
  template: fc.constantFrom('none', 'plain', 'foreach', 'foreach-map', 'matrix'),
  frozen: fc.boolean(),
  always: fc.nat(9).map((n) => n === 0),
  uncached: fc.boolean(),
  persist: fc.boolean(),
  tracked: fc.boolean(),
});
type Shape = typeof project extends fc.Arbitrary<infer T> ? T : never;

const change = fc.constantFrom(
  ...([
    'nothing',
    'param',
    'other-param',
    'respell',
    'command',
    'input',
    'new-input',
    'remove-output',
  ] as const),
  ...(['change-output', 'new-dep', 'new-out', 'remove-input', 'remove-all-outputs', 'comment'] as const),
  ...(['drop-lock', 'remove-params', 'folder-file', 'change-uncached'] as const),
);

test('what is taken for unchanged is unchanged for DVC', async () => {
  const seen = { unchanged: 0, changed: 0, unsure: 0, needless: 0 };
  await fc.assert(
    fc.asyncProperty(project, change, async (shape, kind) => {
      const { folder } = repository.project;
      await reset(shape);
      const { ok } = await dvc.run(folder, 'repro', '--quiet');
      fc.pre(ok); // Some random projects are not valid.
      await apply(kind, shape);
      const verdict = await ours(folder);
      const theirs = await dvcSays();
      seen[verdict] += 1;
      if (verdict === 'unchanged')
        expect(theirs, `${kind}\n${repository.project.read('dvc.yaml')}`).toBe('unchanged');
      if (verdict !== 'unchanged' && theirs === 'unchanged') seen.needless += 1;
      if (process.env.DVC_DECISIONS) console.log(kind, verdict, theirs, JSON.stringify(shape), why);
      // A plain project in which nothing was changed must not cost a start of DVC, unless DVC itself cannot read back
      // a number that it wrote.
      if (kind === 'comment' && isPlain(shape) && theirs === 'unchanged') expect(verdict).toBe('unchanged');
    }),
    {
      numRuns: runs,
      endOnFailure: true,
      ...(process.env.DVC_SEED ? { seed: Number(process.env.DVC_SEED) } : {}),
    },
  );
  console.log(seen);
});

let why = '';

function isPlain({ lr, depth, extra, always, template }: Shape): boolean {
  return (
    ![lr, depth, extra].some((value) => ['10_0', '0x1F', '2020-01-02x'].includes(value)) &&
    !always &&
    template !== 'plain'
  );
}

async function ours(folder: string): Promise<'unchanged' | 'changed' | 'unsure'> {
  try {
    const found = await findProject(folder, folder);
    const known = await readProject(found, []);
    const lock = await parsedLock(await lockText(found));
    const { judged } = await judge(
      found,
      known,
      { lock, committed: new Map(), runs: [], forced: new Map() },
      new Set(),
    );
    why = judged.map(({ stage, verdict, reason }) => `${stage.name}: ${verdict}: ${reason}`).join(' | ');
    if (judged.every(({ verdict }) => verdict === 'unchanged')) return 'unchanged';
    return judged.some(({ verdict }) => verdict === 'unsure') ? 'unsure' : 'changed';
  } catch (error) {
    if (!(error instanceof Unsure)) throw error;
    why = error.message;
    return 'unsure';
  }
}

async function dvcSays(): Promise<string> {
  const { ok, said } = await dvc.run(repository.project.folder, 'repro', '--dry', '--allow-missing');
  return !ok || /^(Running stage|Verifying|.*is cached - skipping run)/m.test(said)
    ? `${ok}: ${said}`
    : 'unchanged';
}

async function reset(shape: Shape): Promise<void> {
  const { folder } = repository.project;
  await repository.git('clean', '--quiet', '-ffdx', '--exclude=.dvc/cache', '--exclude=.dvc/tmp');
  await rm(join(folder, 'dvc.lock'), { force: true });
  const { lr, depth, extra, json } = shape;
  await repository.project.write({
    'raw/a.txt': 'a\n',
    'raw/b.txt': 'b\n',
    'sub/params.yaml': `lr: ${lr}\n`,
    'params.yaml': `lr: ${lr}\ntrain:\n  depth: ${depth}\n  extra: ${extra}\nlist: [x, y]\n`,
    ...(json ? { 'sub/more.json': '{"k": {"v": 1.0, "w": 12}}' } : {}),
    'dvc.yaml': dvcYaml(shape),
  });
  if (shape.tracked) {
    await repository.project.write({ 'tracked/t.txt': 't\n' });
    const { ok } = await dvc.run(folder, 'add', '--quiet', 'tracked/t.txt');
    fc.pre(ok);
  }
}

function dvcYaml(shape: Shape): string {
  const { wdir, json, whole, folder, template, frozen, always, uncached, persist, tracked } = shape;
  const first = wdir ? '../raw' : 'raw';
  const paramsFile = json ? [{ [wdir ? 'more.json' : 'sub/more.json']: ['k.v'] }] : [];
  const body = (suffix: string, extra: string) => ({
    cmd: `cat s1.out > s3${suffix}.out ${extra ? `&& echo ${extra} >> s3${suffix}.out` : ''}`,
    deps: ['s1.out'],
    outs: [`s3${suffix}.out`],
  });
  const third = {
    none: body('', ''),
    plain: body('', '${lr} ${train.depth}'),
    foreach: { foreach: '${list}', do: body('-${item}', '${item}') },
    'foreach-map': { foreach: { p: { v: 1 }, q: { v: 2 } }, do: body('-${key}', '${item.v}') },
    matrix: { matrix: { m: ['u', 'v'], n: '${list}' }, ...body('-${item.m}-${item.n}', '${key}') },
  }[template];
  const stages = {
    s1: {
      ...(wdir ? { wdir: 'sub' } : {}),
      cmd: `cat ${first}/a.txt > ${wdir ? '../' : ''}s1.out`,
      deps: folder ? [first] : [`${first}/a.txt`],
      params: ['lr', ...paramsFile],
      outs: [wdir ? '../s1.out' : 's1.out'],
    },
    s2: {
      cmd: 'mkdir -p s2.dir && cat s1.out > s2.dir/x && echo 1 > s2.dir/ÿ && echo "{}" > m.json',
      deps: ['s1.out', ...(tracked ? ['tracked/t.txt'] : [])],
      params: whole ? [{ 'params.yaml': null }] : ['train'],
      outs: [persist ? { 's2.dir': { persist: true } } : 's2.dir'],
      metrics: [uncached ? { 'm.json': { cache: false } } : 'm.json'],
      ...(frozen ? { frozen: true } : {}),
      ...(always ? { always_changed: true } : {}),
    },
    s3: third,
  };
  return JSON.stringify({ stages }, null, 1);
}

async function apply(
  kind: typeof change extends fc.Arbitrary<infer T> ? T : never,
  shape: Shape,
): Promise<void> {
  const { project: files } = repository;
  const edit = (file: string, from: string | RegExp, to: string) =>
    files.write({ [file]: files.read(file).replace(from, to) });
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(files.folder, path)), { recursive: true });
    await writeFile(join(files.folder, path), text);
  };
  switch (kind) {
    case 'nothing':
      return;
    case 'comment':
      return files.write({ 'params.yaml': `# a comment\n${files.read('params.yaml')}` });
    case 'param':
      return edit(shape.wdir ? 'sub/params.yaml' : 'params.yaml', `lr: ${shape.lr}`, 'lr: 77');
    case 'other-param':
      return edit('params.yaml', 'list: [x, y]', 'list: [x, y]\nunused: 5');
    case 'respell':
      return edit('params.yaml', `depth: ${shape.depth}`, `depth:   ${shape.depth}   # the same`);
    case 'command':
      return edit('dvc.yaml', 'cat s1.out', 'cat  s1.out');
    case 'input':
      return put('raw/a.txt', 'changed\n');
    case 'new-input':
      return put('raw/c.txt', 'c\n');
    case 'folder-file':
      return put('raw/b.txt', 'B\n');
    case 'remove-output':
      return files.remove('s1.out');
    case 'remove-all-outputs':
      return files.remove('s1.out', 's2.dir', 's3.out', 's3-x.out', 's3-y.out');
    case 'change-output':
      return put('s1.out', 'tampered\n');
    case 'change-uncached':
      return put('m.json', '{"a": 1}\n');
    case 'new-dep':
      return edit('dvc.yaml', '"deps": [\n', '"deps": [\n"raw/none.txt",\n');
    case 'new-out':
      return edit('dvc.yaml', '"outs": [\n', '"outs": [\n"never.txt",\n');
    case 'remove-input':
      return files.remove('raw/a.txt');
    case 'drop-lock':
      return files.remove('dvc.lock');
    case 'remove-params':
      return files.remove('params.yaml');
  }
}
