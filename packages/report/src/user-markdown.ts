import { Html } from './html.ts';

/** What a picture becomes: its data, a link, or words in its place. */
export type Picture = { data: string } | { link: string } | { words: string };

/**
 * A user's Markdown as markup for the page. HTML in it is kept as far as it only shows something: no script, style,
 * form or frame is left, and nothing is loaded from anywhere. Headings go below those of the page's sections.
 *
 * @param picture What becomes of a picture, by its path or address as it stands there, with %-escapes resolved
 */
export async function userMarkdown(markdown: string, picture: (source: string) => Picture): Promise<Html> {
  const [{ default: MarkdownIt }, { default: sanitize }] = await Promise.all([
    import('markdown-it'),
    import('sanitize-html'),
  ]);
  const below = (tag: string) => sanitize.simpleTransform(tag, {});
  const parser = new MarkdownIt({ html: true, linkify: true });
  // The sanitiser decides about addresses, also where they are in HTML; this would leave some pictures as text.
  parser.validateLink = () => true;
  const text = sanitize(parser.render(markdown), {
    allowedTags: [...sanitize.defaults.allowedTags, 'img', 'details', 'summary', 'del', 'ins'],
    allowedAttributes: {
      a: ['href'],
      img: ['src', 'alt', 'title', 'width', 'height'],
      details: ['open'],
      ol: ['start'],
      td: ['style', 'colspan', 'rowspan'],
      th: ['style', 'colspan', 'rowspan'],
      em: ['class'],
    },
    allowedClasses: { em: ['fail-text'] },
    allowedStyles: { '*': { 'text-align': [/^(left|center|right)$/] } },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesByTag: { img: ['data'] },
    allowProtocolRelative: false,
    transformTags: {
      h1: below('h3'),
      h2: below('h4'),
      h3: below('h5'),
      h4: below('h6'),
      h5: below('h6'),
      a: (tagName, { href = '' }) => ({ tagName, attribs: isAbsolute(href) ? { href } : {} }),
      img: (_, { src = '', alt = '', ...attribs }) => {
        const shown = picture(unescaped(src));
        if ('data' in shown) return { tagName: 'img', attribs: { ...attribs, src: shown.data, alt } };
        if ('link' in shown)
          return { tagName: 'a', attribs: { href: shown.link }, text: alt.trim() || shown.link };
        return { tagName: 'em', attribs: { class: 'fail-text' }, text: shown.words };
      },
    },
  });
  return new Html(text);
}

/** Whether a picture stands on a server. */
export function isRemote(source: string): boolean {
  return /^(https?:)?\/\//i.test(source);
}

/** A relative link leads nowhere: the page stands alone. */
function isAbsolute(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href);
}

function unescaped(source: string): string {
  try {
    return decodeURI(source);
  } catch {
    return source;
  }
}
