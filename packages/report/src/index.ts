export { type AboutRun, assemble } from './assemble.ts';
export { renderMarkdown } from './markdown.ts';
export { renderHtml } from './page.ts';
