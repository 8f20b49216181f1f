import type { RunRecord } from '@mlops/core/record';
import type { Image, UserReport } from '../extras.ts';
import { cardParts, metadataOf } from '../front-matter.ts';
import { type Html, html } from '../html.ts';
import { modelFacts } from '../model-facts.ts';
import { table } from '../table.ts';
import { isRemote, type Picture, userMarkdown } from '../user-markdown.ts';

/** The user's own report, with its pictures in the page. */
export async function userReportPart({ markdown, images }: UserReport): Promise<Html> {
  return html`<div class="own">${await userMarkdown(markdown, (source) => pictureOf(source, 'is missing', images))}</div>`;
}

/** What the record says of each model, then the user's card; undefined where there is neither. */
export async function modelCardPart(record: RunRecord, card: string | undefined): Promise<Html | undefined> {
  const facts = modelFacts(record);
  if (!facts.length && card === undefined) return undefined;
  return html`${facts.map(
    ({ name, rows }) =>
      html`<h3>${name}</h3>${table(
        ['What', 'Recorded'],
        rows.map(([what, values]) => [
          what,
          html`${values.map(({ label, value }) => html`<div>${label && html`<code>${label}</code> `}${value}</div>`)}`,
        ]),
      )}`,
  )}${card !== undefined && (await ownCard(card))}`;
}

async function ownCard(card: string): Promise<Html> {
  const { matter, body } = cardParts(card);
  const { entries, problem } = await metadataOf(matter ?? '');
  const markup = await userMarkdown(body, (source) =>
    pictureOf(source, "is not in the report, which takes a model card's text"),
  );
  return html`${problem && html`<p class="fail-text">${problem}</p>`}${
    entries.length > 0 &&
    table(
      ['Metadata', 'Value'],
      entries.map(([name, value]) => [html`<code>${name}</code>`, value]),
    )
  }<div class="own">${markup}</div>`;
}

/** Data for what came with the report; a page that asks for nothing only links to what is elsewhere. */
function pictureOf(source: string, why: string, images?: ReadonlyMap<string, Image>): Picture {
  const image = images?.get(source);
  if (image) return { data: `data:${image.type};base64,${Buffer.from(image.bytes).toString('base64')}` };
  if (/^data:image\/(png|jpeg|gif|webp|avif|svg\+xml)[;,]/i.test(source)) return { data: source };
  if (isRemote(source)) return { link: source.startsWith('//') ? `https:${source}` : source };
  return { words: `(The picture ${source.slice(0, 200)} ${why}.)` };
}
