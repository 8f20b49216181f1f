import { UserError } from '@mlops/core';

/** Where an image or artifact is: `host[:port]/repository[:tag][@digest]`. */
export interface Reference {
  /** Host and port as people write them; Docker Hub is `docker.io`. */
  registry: string;
  /** The name in the registry, on Docker Hub with its `library/`. */
  repository: string;
  tag?: string;
  digest?: string;
}

const host =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[0-9a-fA-F:]+\\])';
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const isHost = new RegExp(`^${host}(?::[0-9]{1,5})?$`);
const isRepository = new RegExp(`^${component}(?:/${component})*$`);
const isTag = /^\w[\w.-]{0,127}$/;
const isDigest = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** Distribution's limit of registry and repository together. */
const maxName = 255;

const dockerHub = 'docker.io';
const dockerHubNames = new Set([dockerHub, 'index.docker.io', 'registry-1.docker.io']);

/**
 * Reads a reference in the grammar of the OCI distribution specification 1.1, with Docker's short names: a first part
 * without a dot, a port or capitals, other than `localhost`, belongs to a repository of Docker Hub.
 *
 * @throws UserError that says what is wrong with which part
 */
export function parseReference(text: string): Reference {
  const [beforeDigest = '', digest, ...more] = text.split('@');
  const refused = (
    problem: string,
    advice = 'Write it as registry/repository:tag or registry/repository@sha256:….',
  ) => new UserError(`'${text}' is no reference of an image: ${problem}`, { advice });
  if (more.length > 0) throw refused("it has more than one '@'");
  if (digest !== undefined && !isDigest.test(digest)) throw refused(`'${digest}' is no digest`);

  const slash = beforeDigest.indexOf('/');
  const first = beforeDigest.slice(0, Math.max(slash, 0));
  const hasHost = slash > 0 && namesHost(first);
  const rest = hasHost ? beforeDigest.slice(slash + 1) : beforeDigest;
  if (hasHost && !isHost.test(first)) throw refused(`'${first}' is no registry`);
  const registry = !hasHost || dockerHubNames.has(first) ? dockerHub : first;

  const colon = rest.indexOf(':');
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !isTag.test(tag))
    throw refused(
      `'${tag}' is no tag`,
      'A tag has up to 128 letters, digits, and . _ - of which the last two may not begin it.',
    );
  const repository = registry === dockerHub && !name.includes('/') && name ? `library/${name}` : name;
  if (!isRepository.test(repository))
    throw refused(
      `'${name}' is no repository`,
      isRepository.test(repository.toLowerCase())
        ? `Registries take lower case only: '${name.toLowerCase()}'.`
        : 'A repository has parts of lower-case letters and digits, joined by . _ - and parted by /.',
    );
  if (`${registry}/${repository}`.length > maxName) throw refused(`it is longer than ${maxName} characters`);
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The reference in full, also for Docker Hub; `parseReference` reads it back. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`;
}

/** What names the manifest in its repository: the digest where there is one, else the tag, else `latest`. */
export function targetOf({ tag, digest }: Pick<Reference, 'tag' | 'digest'>): string {
  return digest ?? tag ?? 'latest';
}

function namesHost(part: string): boolean {
  return part === 'localhost' || /[.:]/.test(part) || part.toLowerCase() !== part;
}
