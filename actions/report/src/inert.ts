/** An invisible character: what it parts is shown as before and is nothing any more to whoever looks for links. */
const joint = '\u200B';

/**
 * Text that notifies nobody: `@ada` in a commit's message or a name of a metric would mention a user each time that
 * the report is posted. It is parted by an invisible character, which also works inside of code.
 */
export function withoutMentions(text: string): string {
  return text.replace(/@(?=[\p{L}\p{N}_-])/gu, `@${joint}`);
}

/** Text that leads nowhere, either: for what strangers wrote, and the report would say in this repository's name. */
export function withoutLinks(text: string): string {
  return withoutMentions(text)
    .replace(/:\/\//g, `:${joint}//`)
    .replace(/(www|mailto|xmpp)(?=[.:])/gi, `$1${joint}`)
    .replace(/(#|GH-)(?=\d)/gi, `$1${joint}`);
}

/** All text in a value, names of properties included. */
export function mapText<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapText(item, change)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [change(key), mapText(item, change)]);
  return Object.fromEntries(entries) as T;
}
