import { type Html, html } from './html.ts';

/** A part of the page that its table of contents leads to. */
export interface Section {
  /** What links to it from elsewhere; default: a number. */
  id?: string;
  title: string;
  /** In the heading behind the title. */
  aside?: Html | undefined;
  body: Html;
  /** Whether it has to be opened; undefined for what is always open. */
  folded?: boolean;
}

/** Sections below their headings, and the links to them; empty where one is enough to see all. */
export function withContents(sections: readonly Section[]): { contents: Html; body: Html } {
  const named = sections.map((section, i) => ({ id: `s${i + 1}`, ...section }));
  // Those of many models are linked in the overview.
  const listed = named.filter(({ folded }) => folded === undefined);
  const contents =
    listed.length > 1
      ? html`<nav aria-label="Sections"><ul class="contents">${listed.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`
      : html``;
  return { contents, body: html`${named.map(placed)}` };
}

function placed({ id, title, aside, body, folded }: Section): Html {
  const heading = html`<h2 id="${id}">${title}${aside && html` ${aside}`}</h2>`;
  if (folded === undefined) return html`<section>${heading}${body}</section>`;
  const open = folded ? html`<details class="model">` : html`<details class="model" open="">`;
  return html`${open}<summary>${heading}</summary>${body}</details>`;
}
