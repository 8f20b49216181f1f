import { messageOf } from '@mlops/core';

/** What the front matter of a model card says, by name. */
export interface Metadata {
  entries: [name: string, value: string][];
  /** Why it cannot be shown. */
  problem?: string;
}

/** A card in parts: the YAML between `---` from its start, as Hugging Face's cards have it, and the Markdown behind it. */
export function cardParts(card: string): { matter: string | undefined; body: string } {
  const found = /^\uFEFF?---[ \t]*\r?\n((?:[\s\S]*?\r?\n)?)---[ \t]*(?:\r?\n|$)/.exec(card);
  return { matter: found?.[1], body: card.slice(found?.[0].length ?? 0) };
}

export async function metadataOf(matter: string): Promise<Metadata> {
  const { parse } = await import('yaml');
  try {
    // Aliases are counted, so that a short text cannot become a very long one.
    const value: unknown = parse(matter, { maxAliasCount: 100 });
    if (value === null || value === undefined) return { entries: [] };
    if (typeof value !== 'object' || Array.isArray(value))
      return { entries: [], problem: 'The front matter of the model card has no names.' };
    return { entries: Object.entries(value).map(([name, one]) => [name, wording(one)]) };
  } catch (error) {
    const problem = `The front matter of the model card is no YAML: ${messageOf(error)}`;
    return { entries: [], problem };
  }
}

/** Lists of plain values read as such, what is nested as JSON. */
function wording(value: unknown): string {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object'))
    return value.map(String).join(', ');
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
