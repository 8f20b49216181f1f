export type { Extras, Image, UserReport } from './extras.ts';
export { type MarkdownOptions, renderMarkdown } from './markdown/index.ts';
export { renderHtml } from './page.ts';
export { readUserReport } from './read-user-report.ts';
export { headline, marks } from './text.ts';
