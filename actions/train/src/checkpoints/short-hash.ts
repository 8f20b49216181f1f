import { hashText } from '@mlops/core/hash';

/** A name for something whose own name is too long, or holds what a file's name may not. */
export function shortHash(text: string): string {
  return hashText(text).slice('sha256:'.length, 'sha256:'.length + 16);
}
