import { createHash } from 'node:crypto';
import { notFound, validationFailed } from '../errors.ts';
import { type Call, created, list, noContent, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import type { Release, ReleaseAsset } from '../state.ts';

const READ: Requirement = [{ contents: 'read' }];
const WRITE: Requirement = [{ contents: 'write' }];

type ReleaseChanges = Partial<
  Pick<Release, 'tag_name' | 'target_commitish' | 'name' | 'body' | 'draft' | 'prerelease'>
>;

export const releaseOperations: Operations = {
  'repos/list-releases': operation(READ, (call) =>
    list(call.repository.releases.toReversed().map((release) => render(call, release))),
  ),
  'repos/create-release': operation<ReleaseChanges & { tag_name: string }>(WRITE, (call) => {
    checkTagIsFree(call, call.body.tag_name);
    const release: Release = {
      id: call.clock.id(),
      tag_name: call.body.tag_name,
      target_commitish: call.repository.defaultBranch,
      name: null,
      body: null,
      draft: false,
      prerelease: false,
      author: call.user,
      created_at: call.clock.now(),
      published_at: null,
      assets: [],
    };
    applyChanges(call, release, call.body);
    call.repository.releases.push(release);
    return created(render(call, release));
  }),
  'repos/get-release': operation(READ, (call) => ok(render(call, findRelease(call)))),
  'repos/get-latest-release': operation(READ, (call) => {
    const latest = call.repository.releases.findLast(({ draft, prerelease }) => !draft && !prerelease);
    if (!latest) throw notFound();
    return ok(render(call, latest));
  }),
  'repos/get-release-by-tag': operation(READ, (call) => {
    const release = call.repository.releases.find(
      ({ tag_name, draft }) => tag_name === call.path.tag && !draft,
    );
    if (!release) throw notFound();
    return ok(render(call, release));
  }),
  'repos/update-release': operation<ReleaseChanges>(WRITE, (call) => {
    const release = findRelease(call);
    if (call.body.tag_name && call.body.tag_name !== release.tag_name)
      checkTagIsFree(call, call.body.tag_name);
    applyChanges(call, release, call.body);
    return ok(render(call, release));
  }),
  'repos/delete-release': operation(WRITE, (call) => {
    const { releases } = call.repository;
    releases.splice(releases.indexOf(findRelease(call)), 1);
    return noContent();
  }),
  'repos/list-release-assets': operation(READ, (call) => {
    const release = findRelease(call);
    return list(release.assets.map((asset) => renderAsset(call, release, asset)));
  }),
  'repos/upload-release-asset': operation<Buffer>(WRITE, (call) => {
    const release = findRelease(call);
    const name = String(call.query.name);
    if (release.assets.some((asset) => asset.name === name)) {
      throw validationFailed('ReleaseAsset', 'name', 'already_exists');
    }
    const now = call.clock.now();
    const asset: ReleaseAsset = {
      id: call.clock.id(),
      name,
      label: call.query.label === undefined ? null : String(call.query.label),
      content_type: call.contentType,
      data: call.body,
      uploader: call.user,
      created_at: now,
      updated_at: now,
    };
    release.assets.push(asset);
    return created(renderAsset(call, release, asset));
  }),
  'repos/get-release-asset': operation(READ, (call) => {
    const id = Number(call.path.asset_id);
    for (const release of call.repository.releases) {
      const asset = release.assets.find((candidate) => candidate.id === id);
      if (!asset) continue;
      if (call.accept !== 'application/octet-stream') return ok(renderAsset(call, release, asset));
      return { status: 302, headers: { location: call.links.download(asset.data, asset.content_type) } };
    }
    throw notFound();
  }),
};

function checkTagIsFree(call: Call, tag: string): void {
  if (call.repository.releases.some(({ tag_name, draft }) => tag_name === tag && !draft)) {
    throw validationFailed('Release', 'tag_name', 'already_exists');
  }
}

/** Publishing creates the tag when there is none, as GitHub does. */
function applyChanges(call: Call, release: Release, changes: ReleaseChanges): void {
  const { tag_name, target_commitish, name, body, draft, prerelease } = { ...release, ...changes };
  Object.assign(release, { tag_name, target_commitish, name, body, draft, prerelease });
  if (draft) return;
  const tag = `tags/${tag_name}`;
  if (!call.repository.refs.has(tag)) {
    const commit = call.repository.resolve(target_commitish);
    if (!commit) throw validationFailed('Release', 'target_commitish', 'invalid');
    call.repository.refs.set(tag, commit.sha);
  }
  release.published_at ??= call.clock.now();
}

function findRelease(call: Call): Release {
  const release = call.repository.releases.find(({ id }) => id === Number(call.path.release_id));
  if (!release) throw notFound();
  return release;
}

function render(call: Call, release: Release): object {
  const url = call.links.api(`/releases/${release.id}`);
  return {
    ...release,
    assets: release.assets.map((asset) => renderAsset(call, release, asset)),
    url,
    assets_url: `${url}/assets`,
    upload_url: `${url}/assets{?name,label}`,
    html_url: call.links.html(`/releases/tag/${release.tag_name}`),
  };
}

function renderAsset(call: Call, release: Release, { data, ...asset }: ReleaseAsset): object {
  return {
    ...asset,
    state: 'uploaded',
    size: data.length,
    digest: `sha256:${createHash('sha256').update(data).digest('hex')}`,
    url: call.links.api(`/releases/assets/${asset.id}`),
    browser_download_url: call.links.html(`/releases/download/${release.tag_name}/${asset.name}`),
  };
}
