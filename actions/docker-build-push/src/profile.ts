import { annotate, UserError } from '@mlops/core';

/** What a target takes of an image. */
export interface Profile {
  /** One manifest for one platform: no index, and so no attestations in it. */
  isSingleManifest: boolean;
  onlyGzip: boolean;
}

const profiles: Record<string, Profile> = {
  none: { isSingleManifest: false, onlyGzip: false },
  // https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: no multi-architecture images; an index with
  // provenance counts as one (docker/buildx issue 1533).
  lambda: { isSingleManifest: true, onlyGzip: true },
  // https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
  sagemaker: { isSingleManifest: true, onlyGzip: true },
};

/** @throws UserError when what is asked for is what the target refuses */
export function profileOf(
  name: string,
  asked: {
    platforms: readonly string[];
    sbom?: string | undefined;
    provenance?: string | undefined;
    attests: readonly string[];
    compression: string;
  },
): Profile {
  const profile = profiles[name] ?? (profiles.none as Profile);
  if (profile.isSingleManifest && asked.platforms.length > 1)
    throw new UserError(`the profile '${name}' takes one platform, not ${asked.platforms.join(' and ')}`, {
      advice: 'Build one image for each platform, under tags of their own.',
    });
  const wanted = [
    ...(asked.sbom && asked.sbom !== 'false' ? ['sbom'] : []),
    ...(asked.provenance && asked.provenance !== 'false' ? ['provenance'] : []),
    ...(asked.attests.length ? ['attests'] : []),
  ];
  if (profile.isSingleManifest && wanted.length)
    annotate(
      'warning',
      `The profile '${name}' takes no index, so the image gets no attestations in it: ${wanted.join(', ')} is left out.`,
    );
  if (profile.onlyGzip && !['auto', 'gzip'].includes(asked.compression))
    throw new UserError(`the profile '${name}' takes layers compressed with gzip, not ${asked.compression}`, {
      advice: "Leave 'compression' out.",
    });
  return profile;
}
