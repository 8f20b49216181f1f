import { connect, parseReference } from '@mlops/oci';
import { largestSize, registrySource } from './image/facts.ts';

/** From this size on, unpacking decides how long a node takes to start an image, and zstd unpacks several times faster. */
const large = 500e6;

/** The compression to use: what was asked for, or the one that fits the size of the image or its model. */
export function chooseCompression(asked: string, onlyGzip: boolean, bytes: number): string {
  if (onlyGzip) return 'gzip';
  if (asked !== 'auto') return asked;
  return bytes >= large ? 'zstd' : 'gzip';
}

/**
 * The size of the image that was last pushed under the tag, of its largest platform: the next one is most likely as large.
 * Zero where there is none, or nobody may look: it is only a guess that gets better by it.
 */
export async function lastSize(reference: string | undefined, signal: AbortSignal): Promise<number> {
  if (!reference) return 0;
  try {
    const { repository, target } = connect(parseReference(reference), { attempts: 1, deadlineMs: 10_000 });
    return await largestSize(registrySource(repository, signal), target);
  } catch {
    signal.throwIfAborted();
    return 0;
  }
}

/** Whether a registry said that it does not take such layers or manifests. */
export function refusesMediaType(message: string): boolean {
  return /manifest[ _]invalid|unsupported media ?type|\b415\b|media ?type[^\n]*not (?:supported|allowed)/i.test(
    message,
  );
}
