/** A file for `docker buildx bake`; undefined values are left out when it is written as JSON. */
export interface BakeFile {
  target: Record<
    string,
    {
      tags?: string[];
      labels?: Record<string, string>;
      annotations?: string[];
      args?: Record<string, string | undefined>;
    }
  >;
}

/** Bake files that hold a description by parts, for a target that others inherit from. */
export interface BakeFiles {
  tags: BakeFile;
  labels: BakeFile;
  annotations: BakeFile;
  /** Tags and labels. */
  all: BakeFile;
}

/** The name that bake files of docker/metadata-action's users inherit from. */
export const defaultBakeTarget = 'docker-metadata-action';

/** Describes the same image for bake, under the names that docker/metadata-action has. */
export function bakeFiles(
  target: string,
  image: {
    names: string[];
    tags: string[];
    version: string | undefined;
    labels: Record<string, string>;
    annotations: string[];
  },
): BakeFiles {
  const { names, tags, version, labels, annotations } = image;
  const args = { DOCKER_META_IMAGES: names.join(','), DOCKER_META_VERSION: version };
  const file = (content: BakeFile['target'][string]): BakeFile => ({ target: { [target]: content } });
  return {
    tags: file({ tags, args }),
    labels: file({ labels }),
    annotations: file({ annotations }),
    all: file({ tags, labels, args }),
  };
}
