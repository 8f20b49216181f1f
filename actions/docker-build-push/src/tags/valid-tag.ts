import { createHash } from 'node:crypto';

/** The grammar of tags in the OCI distribution specification 1.1 ("Pulling manifests"). */
export const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const longest = 128;
const shownOfHash = 8;

/**
 * The valid tag that is nearest to any text: other characters become dashes, a dot or dash at the beginning becomes an
 * underscore, and of what is too long the end gives way to a hash of the whole, so that two long branches do not share a
 * tag. Empty for an empty text.
 */
export function validTag(text: string): string {
  const tag = text.replace(/[^a-zA-Z0-9._-]+/g, '-').replace(/^[.-]/, '_');
  if (tag.length <= longest) return tag;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, shownOfHash);
  return `${tag.slice(0, longest - shownOfHash - 1)}-${hash}`;
}
