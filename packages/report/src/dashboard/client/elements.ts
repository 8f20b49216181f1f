/// <reference lib="dom" />

export type Elements = ReturnType<typeof makeElements>;
export type Child = Node | string | number | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: never) => void)>;

/**
 * Makes elements. What records say only ever becomes a text node or the value of an attribute, never markup.
 */
export function makeElements() {
  function h<Tag extends keyof HTMLElementTagNameMap>(
    tag: Tag,
    attributes: Attributes = {},
    ...children: (Child | Child[])[]
  ): HTMLElementTagNameMap[Tag] {
    return filled(document.createElement(tag), attributes, children);
  }

  function s(tag: string, attributes: Attributes = {}, ...children: (Child | Child[])[]): SVGElement {
    return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
  }

  function filled<T extends Element>(element: T, attributes: Attributes, children: (Child | Child[])[]): T {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === 'function') element.addEventListener(name, value as EventListener);
      else element.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children.flat())
      if (child !== null && child !== undefined && child !== false)
        element.append(typeof child === 'number' ? String(child) : child);
    return element;
  }

  /** A link to elsewhere; plain text where the address is none that a browser should follow. */
  function link(address: string | null | undefined, text: string): Node {
    if (!address || !/^https?:/.test(address)) return document.createTextNode(text);
    return h('a', { href: address, rel: 'noreferrer' }, text);
  }

  /** A table that scrolls by itself; a column whose head starts with # holds numbers. */
  function table(label: string, head: string[], rows: (Child | Child[])[][]): HTMLElement {
    if (rows.length === 0) return h('p', { class: 'soft' }, 'None.');
    const kind = (i: number) => (head[i]?.startsWith('#') ? 'number' : null);
    return h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            head.map((name, i) =>
              name ? h('th', { scope: 'col', class: kind(i) }, name.replace(/^#/, '')) : h('td'),
            ),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map((cells) =>
            h(
              'tr',
              {},
              cells.map((cell, i) => h('td', { class: kind(i) }, cell)),
            ),
          ),
        ),
      ),
    );
  }

  return { h, s, link, table };
}
