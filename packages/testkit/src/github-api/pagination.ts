/** GitHub gives at most 100 items a page, whatever a request asks for. */
export const MAX_PER_PAGE = 100;

export interface Page {
  items: unknown[];
  /** Value of the Link header; undefined when everything fits on one page. */
  link?: string;
}

/** Cuts one page out of `items`; `url` is the request's address, whose other parameters the links keep. */
export function paginate(items: unknown[], query: Record<string, unknown>, url: URL): Page {
  const perPage = Math.min(Math.max(Number(query.per_page ?? 30), 1), MAX_PER_PAGE);
  const page = Math.max(Number(query.page ?? 1), 1);
  const last = Math.max(Math.ceil(items.length / perPage), 1);
  const link = (number: number, rel: string): string => {
    const target = new URL(url);
    target.searchParams.set('page', String(number));
    return `<${target.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  const cut = items.slice((page - 1) * perPage, page * perPage);
  return links.length > 0 ? { items: cut, link: links.join(', ') } : { items: cut };
}
