export { type AboutRun, assemble } from './assemble.ts';
export { type MarkdownOptions, renderMarkdown } from './markdown.ts';
export { renderHtml } from './page.ts';
export { headline, marks } from './text.ts';
