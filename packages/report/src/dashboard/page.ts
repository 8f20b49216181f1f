import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Html, html } from '../html.ts';
import { style } from '../style.ts';
import type { Dashboard } from './data.ts';
import { clientScript } from './script.ts';
import { dashboardStyle } from './style.ts';

/** By this a page on a branch is known as a dashboard, which the next one may replace. */
export const generator = 'mlops dashboard';

/**
 * The dashboard as one page that asks for nothing else, so that it works from a disk as it does from a server. Its data
 * stand in it as compressed text: ten thousand runs are a tenth of what they are as JSON, and what nobody looks at is
 * never unpacked. Nothing runs but the one script whose digest the page names.
 */
export function renderDashboard({ runs, models, details }: Dashboard): string {
  const script = clientScript();
  const sheet = style + dashboardStyle;
  const policy = `default-src 'none'; script-src '${digestOf(script)}'; style-src '${digestOf(sheet)}'; base-uri 'none'; form-action 'none'`;
  const title = runs.repository ? `Runs of ${runs.repository}` : 'Runs';
  const packed = (value: unknown) => gzipSync(JSON.stringify(value), { level: 9 });
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="generator" content="${generator}">
<title>${title}</title><style>${new Html(sheet)}</style></head>
<body><header><h1>${title}</h1>
<p class="soft">Made ${new Date(runs.made * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC of ${runs.id.length.toLocaleString('en')} recorded runs${runs.leftOut > 0 && `; ${runs.leftOut} could not be read`}.</p></header>
<main><noscript>This page needs JavaScript to show its table.</noscript></main>
${block('runs', packed(runs))}
${models.map((model, i) => block(`model-${i}`, packed(model)))}
${details.map((some, i) => block(`details-${i}`, some))}
<script>${new Html(script)}</script></body></html>
`;
  return page.text;
}

/** No browser runs an element of this type, and no letter of base64 ends it. */
function block(id: string, content: Uint8Array): Html {
  return html`<script type="text/plain" id="${id}">${Buffer.from(content).toString('base64')}</script>`;
}

function digestOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
