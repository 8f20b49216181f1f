import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readUserReport, renderHtml, renderMarkdown } from '../src/index.ts';
import { sampleRecord } from './sample-record.ts';

const bytes = Buffer.from('picture');
const images = new Map([['plots/my loss.png', { type: 'image/png', bytes }]]);
const data = `data:image/png;base64,${bytes.toString('base64')}`;
const pageOf = (markdown: string) => renderHtml(sampleRecord(), { userReport: { markdown, images } });

describe("a user's report on the page", () => {
  test.each([
    ['![Loss](<plots/my loss.png>)'],
    ['![Loss](plots/my%20loss.png "title")'],
    ['![Loss][l]\n\n[l]: plots/my%20loss.png'],
    ['<p align="center"><img alt="Loss" width="400" src="plots/my loss.png" onerror="alert(1)"></p>'],
  ])('has the picture of %s in it', async (markdown) => {
    const page = await pageOf(markdown);
    expect(page).toContain(`src="${data}"`);
    expect(page).toContain('alt="Loss"');
    expect(page).toContain('img-src data:');
    expect(page).not.toContain('onerror');
  });

  test('keeps tables, headings below those of the page, and what is folded', async () => {
    const page = await pageOf(
      '# Title\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n<details><summary>More</summary>x</details>',
    );
    expect(page).toContain('<h3>Title</h3>');
    expect(page).toContain('<td style="text-align:right">2</td>');
    expect(page).toContain('<details><summary>More</summary>x</details>');
  });

  test('runs nothing, loads nothing and has no form', async () => {
    const page = await pageOf(
      [
        '<script>alert(1)</script><style>* { display: none }</style><iframe src="https://e.example"></iframe>',
        '<form action="https://e.example"><input></form><svg onload="alert(1)"></svg><link rel="x" href="//e.example">',
        '<p style="background: url(https://e.example/x)" onclick="alert(1)">text</p>',
        '[a](javascript:alert(1)) <a href="java&#10;script:alert(1)">b</a> [c](data:text/html,x) [d](other.md)',
        '<img src="javascript:alert(1)"> <img src="data:text/html,<script>alert(1)</script>"> <math><mi href="x">',
      ].join('\n\n'),
    );
    const own = page.slice(page.indexOf('<div class="own">'), page.indexOf('staging: deployed</h2>'));
    expect(own).not.toMatch(
      /<(script|style|iframe|form|input|svg|link|img|math)|href=| style=| on\w+=|url\(/,
    );
    expect(own).toContain('<p>text</p>');
  });

  test('links to pictures on servers and says which are missing', async () => {
    const page = await pageOf(
      '![Badge](https://e.example/b.svg) ![](//e.example/c.png) ![Gone](gone.png) ![](<a&b.png>)',
    );
    expect(page).toContain('<a href="https://e.example/b.svg">Badge</a>');
    expect(page).toContain('<a href="https://e.example/c.png">https://e.example/c.png</a>');
    expect(page).toContain('<em class="fail-text">(The picture gone.png is missing.)</em>');
    expect(page).toContain('(The picture a&amp;b.png is missing.)');
    expect(page).not.toContain('<img');
  });
});

describe('the model card', () => {
  const card =
    '---\nlicense: mit\ntags: [a, b]\nmodel-index: [{ name: m }]\n---\n# Uses\n\n<b onclick="x">Not</b> <script>for cats</script>\n\n![](x.png)';

  test('has what is recorded, then what the user wrote', async () => {
    const page = await renderHtml(sampleRecord(), { modelCard: card });
    const shown = page.slice(page.lastIndexOf('Model card'), page.lastIndexOf('Jobs'));
    for (const fact of ['dddddddddddd', '182.0 kB', 'Python 3.12.1 by uv, lock bbbbbbbbbbbb', '! warn'])
      expect(shown).toContain(fact);
    expect(shown).toContain('<code>train.max_depth</code> 8');
    expect(shown).toContain('<code>test.accuracy</code> 0.9718');
    expect(shown).toContain('<code>tags</code></td><td class="">a, b</td>');
    expect(shown).toContain('[{&#34;name&#34;:&#34;m&#34;}]');
    expect(shown).toContain('<h3>Uses</h3>');
    expect(shown).toContain('<b>Not</b>');
    expect(shown).toContain('The picture x.png is not in the report');
    expect(shown).not.toContain('cats');
    expect(shown.indexOf('Recorded')).toBeLessThan(shown.indexOf('Metadata'));
  });

  test('names the metrics that a rule is about first, where there are many', async () => {
    const record = sampleRecord();
    const training = record.jobs[0]?.trainings[0];
    if (training)
      training.metrics = {
        ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}`, i])),
        'test.accuracy': 1,
      };
    const page = await renderHtml(record);
    const shown = page.slice(page.lastIndexOf('Model card'));
    expect(shown).toContain('<code>test.accuracy</code> 0.9718 [0.9609, 0.9797]');
    expect(shown).toContain('and 15 more in the section of the training');
  });

  test.each([
    ['---\na: [\n---\ntext', 'The front matter of the model card is no YAML'],
    ['---\n- a\n---\ntext', 'The front matter of the model card has no names.'],
    ['---\r\n---\r\ntext', '<p>text</p>'],
    ['text\n\n---\n\nmore', '<hr />'],
  ])('%j is shown as far as it can be', async (modelCard, expected) => {
    const page = await renderHtml(sampleRecord(), { modelCard });
    expect(page).toContain(expected);
    expect(page).toContain('<p>text</p>');
  });

  test('is left out where there is neither model nor card', async () => {
    expect(await renderHtml({ ...sampleRecord(), jobs: [] })).not.toContain('Model card');
  });
});

describe('in Markdown', () => {
  const written = (markdown: string) =>
    renderMarkdown({ ...sampleRecord(), jobs: [] }, { userReport: { markdown, images } })
      .split('\n\n')
      .at(-1);

  test.each([
    ['a ![Loss](plots/loss.png) b', 'a (picture in the report page) b'],
    ['![Loss](<my loss.png> "t")', '(picture in the report page)'],
    ['<img width="4" src=\'loss.png\'/>', '(picture in the report page)'],
    ['![Loss][l]\n[l]: loss.png', '(picture in the report page)\n[l]: loss.png'],
    ['![Badge](https://e.example/b.svg)', '![Badge](https://e.example/b.svg)'],
    ['![l][]\n[l]: https://e.example/b.svg', '![l][]\n[l]: https://e.example/b.svg'],
    ['![no picture] <b>bold</b> `![](a.png)`', '![no picture] <b>bold</b> `![](a.png)`'],
    ['```md\n![](a.png)\n```\n![](b.png)', '```md\n![](a.png)\n```\n(picture in the report page)'],
    ['~~~\n![](a.png)', '~~~\n![](a.png)\n~~~'],
    ['text <!-- open', 'text <!-- open\n-->'],
  ])('%j is %j', (markdown, expected) => {
    expect(written(markdown)).toBe(expected);
  });

  test('what does not fit is left to the page', () => {
    const userReport = { markdown: 'x'.repeat(60_000), images };
    const text = renderMarkdown(sampleRecord(), { userReport, limit: 50_000 });
    expect(Buffer.byteLength(text)).toBeLessThan(50_000);
    expect(text).toMatch(/\| `test\.accuracy` [\s\S]*Stages of model[\s\S]*_The rest is in the report\._$/);
    expect(text).not.toContain('xxxx');
  });

  test('a model card is folded, its front matter as YAML', () => {
    const text = renderMarkdown(sampleRecord(), { modelCard: '---\nlicense: mit\n---\n# Uses\n' });
    expect(text).toMatch(
      /<details><summary>Model card<\/summary>\n\n```yaml\nlicense: mit\n```\n\n# Uses\n\n<\/details>$/,
    );
  });
});

describe('reading', () => {
  let parent: string;
  let folder: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'user-report-'));
    folder = join(parent, 'project');
    await mkdir(join(folder, 'docs', 'plots'), { recursive: true });
  });
  afterEach(async () => {
    await rm(parent, { recursive: true });
  });
  const read = async (markdown: string | Buffer) => {
    await writeFile(join(folder, 'docs', 'report.md'), markdown);
    return readUserReport(folder, 'docs/report.md');
  };

  test('takes the local pictures, beside the report and elsewhere in the folder', async () => {
    await writeFile(join(folder, 'docs', 'plots', 'my loss.png'), 'png');
    await writeFile(join(folder, 'roc.SVG'), 'svg');
    const markdown =
      '![](plots/my%20loss.png) <img src="../roc.SVG?raw=1"> ![](gone.png) ![](https://e.example/x.png) ![](data:image/png;base64,AA==)';
    const report = await read(markdown);
    expect(report.markdown).toBe(markdown);
    expect([...report.images].map(([path, { type, bytes }]) => [path, type, String(bytes)])).toEqual([
      ['plots/my loss.png', 'image/png', 'png'],
      ['../roc.SVG?raw=1', 'image/svg+xml', 'svg'],
    ]);
  });

  test.each<[string, string | Buffer, string]>([
    [
      'outside',
      '\n![](../../outside.png)',
      "docs/report.md:2: input user-report: the picture '../../outside.png' is outside of the working directory",
    ],
    ['of another type', '![](report.md)', "the picture 'report.md' is no picture that a browser shows"],
    ['a folder', '![](plots)', "the picture 'plots' is no picture that a browser shows"],
    ['in UTF-16', Buffer.from('\uFEFFx', 'utf16le'), "'docs/report.md' is not UTF-8"],
    ['very long', 'x'.repeat(1_000_001), "'docs/report.md' has 1000001 bytes, more than 1 MB"],
  ])('says what is wrong with what is %s', async (_, markdown, message) => {
    await writeFile(join(parent, 'outside.png'), 'secret');
    expect(await read(markdown).catch(String)).toContain(message);
  });

  test('takes 20 MB of pictures at most', async () => {
    for (const name of ['a.png', 'b.png'])
      await writeFile(join(folder, 'docs', name), Buffer.alloc(10_000_001));
    await expect(read('![](a.png) ![](b.png)')).rejects.toThrow(
      "the picture 'b.png' and those before it have more than 20 MB",
    );
  });
});
