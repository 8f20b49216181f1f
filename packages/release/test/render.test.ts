import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RenderOptions, renderWorkflow } from '../src/render.ts';

const sha = 'de0fac2e4500dabe0009e67214ff5f5447ce83dd';
const options: RenderOptions = {
  file: 'workflows/train.yml',
  refs: 'set',
  slug: 'acme/ml',
  version: '1.4.0',
  exists: (path) => ['actions/train', 'workflows/train.yml'].includes(path),
};
const withStep = (step: string) => `jobs:\n  a:\n    steps:\n      - ${step}\n`;
const body = (text: string) => text.slice(text.indexOf('\n') + 1);
const problems = (source: string) => renderWorkflow(source, options).problems.map(String);

describe('renderWorkflow', () => {
  it('says which file it comes from', () => {
    expect(renderWorkflow('jobs: {}\n', options).text).toMatch(
      /^# Generated from workflows\/train\.yml for v1\.4\.0\./,
    );
  });

  it("names siblings by the set's immutable tag", () => {
    expect(body(renderWorkflow(withStep('uses: ./actions/train'), options).text)).toBe(
      withStep('uses: acme/ml/actions/train@v1.4.0'),
    );
    expect(body(renderWorkflow('jobs: { a: { uses: ./workflows/train.yml } }', options).text)).toBe(
      'jobs: { a: { uses: acme/ml/.github/workflows/train.yml@v1.4.0 } }',
    );
  });

  it('names siblings as this repository with refs self', () => {
    const self = { ...options, refs: 'self' as const };
    expect(body(renderWorkflow(withStep('uses: ./actions/train'), self).text)).toBe(
      withStep('uses: $/actions/train'),
    );
    expect(body(renderWorkflow('jobs:\n  a:\n    uses: ./workflows/train.yml\n', self).text)).toBe(
      'jobs:\n  a:\n    uses: $/.github/workflows/train.yml\n',
    );
  });

  it.each([
    ['double quotes', 'uses: "./actions/train"', 'uses: "acme/ml/actions/train@v1.4.0"'],
    ['single quotes', "uses:   './actions/train'  # why", "uses:   'acme/ml/actions/train@v1.4.0'  # why"],
    [
      'flow style',
      '{ uses: ./actions/train, with: { a: 1 } }',
      '{ uses: acme/ml/actions/train@v1.4.0, with: { a: 1 } }',
    ],
  ])('keeps %s', (_, source, rendered) => {
    expect(body(renderWorkflow(withStep(source), options).text)).toBe(withStep(rendered));
  });

  it('leaves everything else to the byte: comments, scripts that say uses, CRLF, no newline at the end', () => {
    const source = `# top\r\non: {workflow_call: {inputs: {uses: {type: string}}}}\r\njobs:\r\n  a:\r\n    steps:\r\n      - run: |\r\n          uses: ./actions/train\r\n      - uses: ./actions/train # here\r\n      - uses: actions/checkout@${sha} # v6.0.2`;
    expect(body(renderWorkflow(source, options).text)).toBe(
      source.replace('uses: ./actions/train # here', 'uses: acme/ml/actions/train@v1.4.0 # here'),
    );
  });

  it.each([
    ['./actions/missing', "'uses: ./actions/missing' names nothing in this repository"],
    ['./somewhere', 'is neither ./actions/<name> nor ./workflows/<name>.yml'],
    ['./actions/../x', 'is neither ./actions/<name> nor ./workflows/<name>.yml'],
    ['actions/checkout@v6', 'is not pinned'],
    [`actions/checkout@${sha.slice(1)} # v6`, 'is not pinned'],
    [`actions/checkout@${sha}`, 'has no comment that names its version'],
    ['docker://alpine:3', 'is not pinned'],
    ['acme/ml/actions/train@v1', 'is not pinned'],
    ['*anchor', "'uses' must be written out as text"],
    ['"./actions/\\x74rain"', 'must stand on one line, without escapes'],
  ])('refuses %s, with file and line', (uses, message) => {
    const [problem] = problems(`x: &anchor ./actions/train\n${withStep(`uses: ${uses}`)}`);
    expect(problem).toContain(message);
    expect(problem).toMatch(/^workflows\/train\.yml:5: /);
  });

  it('reports every problem, and YAML that cannot be read', () => {
    expect(problems('jobs:\n  a:\n    uses: b/c@v1\n  d:\n    uses: e/f@v1\n')).toHaveLength(2);
    expect(problems('a: [\n')[0]).toMatch(/^workflows\/train\.yml:\d: /);
  });

  it('undone, gives the source again for any comments, quotes and indentation', () => {
    const quote = fc.constantFrom('', "'", '"');
    const comment = fc.constantFrom('', ' # ./actions/train', '   # "quoted"');
    const step = fc
      .tuple(quote, comment, fc.nat(3))
      .map(([q, c, n]) => `- uses: ${' '.repeat(n)}${q}./actions/train${q}${c}`);
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), fc.integer({ min: 4, max: 9 }), (steps, indent) => {
        const source = `jobs:\n  a:\n    steps:\n${steps.map((line) => `${' '.repeat(indent)}${line}\n`).join('')}`;
        const { text, problems } = renderWorkflow(source, options);
        expect(problems).toEqual([]);
        expect(text.split('acme/ml/actions/train@v1.4.0')).toHaveLength(steps.length + 1);
        expect(body(text).replaceAll('acme/ml/actions/train@v1.4.0', './actions/train')).toBe(source);
      }),
    );
  });
});
