import type { Extras } from '../extras.ts';
import { cardParts } from '../front-matter.ts';
import { isRemote } from '../user-markdown.ts';
import { folded } from './fold.ts';

const inPage = '(picture in the report page)';

// Lengths are bounded, so that no text takes long.
const fenced = String.raw`^ {0,3}(?<fence>\x60{3,}|~{3,})[^\n]*$[\s\S]*?(?:^ {0,3}\k<fence>[\x60~]*[ \t]*$|(?![\s\S]))`;
const spanned = String.raw`(?<!\x60)(?<ticks>\x60+)(?!\x60)[^\n]{0,2000}?(?<!\x60)\k<ticks>(?!\x60)`;
const inline = String.raw`!\[[^\]]{0,1000}\]\(\s{0,9}(?:<(?<angled>[^<>\n]*)>|(?<bare>(?:[^()\s]|\([^()\s]*\))+))(?:\s+(?:"[^"]{0,1000}"|'[^']{0,1000}'))?\s{0,9}\)`;
const reference = String.raw`!\[(?<alt>[^\]]{0,1000})\](?:\[(?<name>[^\]]{0,1000})\])?(?!\()`;
const element = String.raw`<img\b[^<>]*?\ssrc\s*=\s*(?:"(?<double>[^"<>]*)"|'(?<single>[^'<>]*)'|(?<none>[^\s<>"']+))[^<>]*>`;
const pictureOrCode = new RegExp([fenced, spanned, inline, reference, element].join('|'), 'gim');

/** The user's own report as it is. */
export function userReportMarkdown({ userReport }: Extras): string[] {
  return userReport ? [ended(withoutPictures(userReport.markdown))] : [];
}

/** The user's model card, folded. */
export function modelCardMarkdown({ modelCard }: Extras): string[] {
  return modelCard === undefined ? [] : [folded('Model card', ended(withoutPictures(cardText(modelCard))))];
}

/** GitHub shows front matter as a table in files only. */
function cardText(card: string): string {
  const { matter, body } = cardParts(card);
  return matter?.trim()
    ? `\`\`\`yaml\n${matter.trim().replace(/^(?=`{3})/gm, ' ')}\n\`\`\`\n\n${body}`
    : body;
}

/** Words for pictures that only the page has: GitHub shows those of servers only. Code is left as it is. */
function withoutPictures(markdown: string): string {
  const definitions = new Map(
    [...markdown.matchAll(/^ {0,3}\[([^\]]+)\]:\s*<?([^\s>]+)/gm)].map(([, name = '', source = '']) => [
      name.toLowerCase(),
      source,
    ]),
  );
  return markdown.replace(pictureOrCode, (...match) => {
    const all = match[0] as string;
    const found = match.at(-1) as Record<string, string | undefined>;
    if (found.fence || found.ticks) return all;
    const named =
      found.alt === undefined ? undefined : definitions.get((found.name || found.alt).toLowerCase());
    const source = found.angled ?? found.bare ?? named ?? found.double ?? found.single ?? found.none;
    return source === undefined || isRemote(source) ? all : inPage;
  });
}

/** Code and remarks that are not ended would take in what follows. */
function ended(markdown: string): string {
  let fence = '';
  for (const line of markdown.split('\n')) {
    const mark = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$/.exec(line.trimEnd());
    if (!mark?.[1]) continue;
    if (!fence) fence = mark[1];
    else if (mark[1].startsWith(fence) && !mark[2]?.trim()) fence = '';
  }
  const remark = markdown.lastIndexOf('<!--') > markdown.lastIndexOf('-->') ? '\n-->' : '';
  return `${markdown.trim()}${fence && `\n${fence}`}${remark}`;
}
