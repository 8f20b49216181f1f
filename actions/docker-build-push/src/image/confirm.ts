import { UserError } from '@mlops/core';
import { findManifest, parseReference, Registry, targetOf } from '@mlops/oci';
import { type ImageFacts, readFacts, registrySource } from './facts.ts';

/**
 * Checks that the registry gives, under every reference, what was pushed, and reads what it consists of. The digest that
 * the builder names is not taken at its word: a push without one, or one that a proxy altered, is a failure.
 *
 * @throws UserError when a reference names nothing or something else
 */
export async function confirmPush(
  references: readonly string[],
  digest: string | undefined,
  signal: AbortSignal,
): Promise<ImageFacts> {
  if (!digest)
    throw new UserError('the image was pushed, but the builder names no digest of it', {
      advice:
        "Use a newer buildx ('buildx-version: latest'); an image without a digest cannot be deployed or proven.",
    });
  // Of each registry one, so that its tags share a log-in.
  const registries = new Map<string, Registry>();
  const [first] = await Promise.all(
    references.map(async (written) => {
      const reference = parseReference(written);
      const registry = registries.get(reference.registry) ?? new Registry(reference.registry);
      registries.set(reference.registry, registry);
      const repository = registry.repository(reference.repository);
      const target = targetOf(reference);
      const found = await findManifest(repository, target, { signal });
      if (!found)
        throw new UserError(`${written} was pushed, but the registry does not have it`, {
          advice: 'Does something else remove tags, or a proxy answer for the registry? Push again.',
        });
      if (found.descriptor.digest !== digest)
        throw new UserError(
          `${written} is ${found.descriptor.digest} in the registry, but ${digest} was pushed`,
          {
            advice:
              'Another job pushed the same tag meanwhile, or a proxy before the registry gives something else. Deploy by digest, and give each job tags of its own.',
          },
        );
      return { repository, root: { mediaType: found.descriptor.mediaType, bytes: found.bytes } };
    }),
  );
  if (!first) throw new Error('nothing was pushed to be confirmed');
  return readFacts(registrySource(first.repository, signal), digest, first.root);
}
