import { ApiError, notFound } from '../errors.ts';
import { type Call, created, list, noContent, type Operations, ok, operation } from '../operation.ts';
import type { Requirement } from '../permissions.ts';
import { blobSha, sha1 } from '../repository.ts';
import type { Commit } from '../state.ts';

const READ: Requirement = [{ contents: 'read' }];
const WRITE: Requirement = [{ contents: 'write' }];

interface FileChange {
  message: string;
  /** Base64. */
  content: string;
  /** Git's id of the content that is replaced. */
  sha?: string;
  branch?: string;
}

export const repositoryOperations: Operations = {
  'repos/get': operation([], (call) => ok(renderRepository(call))),
  'repos/get-content': operation(READ, (call) => {
    const commit = findCommit(call, String(call.query.ref ?? call.repository.defaultBranch));
    const path = (call.path.path ?? '').replace(/^\/|\/$/g, '');
    const file = commit.files.get(path);
    if (!file) return listFolder(call, commit, path);
    if (/application\/vnd\.github(\.v3)?\.raw/.test(call.accept)) {
      return { status: 200, raw: { type: 'application/vnd.github.raw; charset=utf-8', data: file } };
    }
    return ok({
      ...renderEntry(call, commit, path),
      encoding: 'base64',
      content: file.toString('base64').replace(/.{60}/g, '$&\n'),
    });
  }),
  'repos/create-or-update-file-contents': operation<FileChange>(WRITE, (call) => {
    const { repository, body } = call;
    const branch = body.branch ?? repository.defaultBranch;
    const head = repository.refs.get(`heads/${branch}`);
    if (!head) throw new ApiError(404, `Branch ${branch} not found`);
    const path = call.path.path ?? '';
    const current = repository.commits.get(head)?.files.get(path);
    if (current && !body.sha) throw new ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.');
    if (body.sha && (!current || body.sha !== blobSha(current))) {
      throw new ApiError(409, `${path} does not match ${body.sha}`);
    }
    const content = Buffer.from(body.content, 'base64');
    const commit = repository.addCommit({ branch, message: body.message, files: { [path]: content } });
    const { commit: details, ...rendered } = renderCommit(call, commit);
    const { comments_url: _, ...about } = rendered;
    return {
      status: current ? 200 : 201,
      body: { content: renderEntry(call, commit, path), commit: { ...details, ...about } },
    };
  }),
  'repos/get-branch': operation(READ, (call) => {
    const sha = call.repository.refs.get(`heads/${call.path.branch}`);
    if (!sha) throw new ApiError(404, 'Branch not found');
    return ok({
      name: call.path.branch,
      commit: renderCommit(call, findCommit(call, sha)),
      protected: false,
    });
  }),
  'repos/get-commit': operation(READ, (call) => {
    const commit = call.repository.resolve(call.path.ref ?? '');
    if (!commit) throw new ApiError(422, `No commit found for SHA: ${call.path.ref}`);
    return ok(renderCommit(call, commit));
  }),
  'git/get-ref': operation(READ, (call) => ok(renderRef(call, call.path.ref ?? ''))),
  'git/list-matching-refs': operation(READ, (call) => {
    const matching = [...call.repository.refs.keys()].filter((name) => name.startsWith(call.path.ref ?? ''));
    return list(matching.toSorted().map((name) => renderRef(call, name)));
  }),
  'git/create-ref': operation<{ ref: string; sha: string }>(WRITE, (call) => {
    if (!/^refs\/[^/]+\/./.test(call.body.ref)) {
      throw new ApiError(422, "Reference name must start with 'refs/' and contain at least two slashes.");
    }
    if (!call.repository.commits.has(call.body.sha)) throw new ApiError(422, 'Object does not exist');
    const name = call.body.ref.replace('refs/', '');
    if (call.repository.refs.has(name)) throw new ApiError(422, 'Reference already exists');
    call.repository.refs.set(name, call.body.sha);
    return created(renderRef(call, name));
  }),
  'git/update-ref': operation<{ sha: string; force?: boolean }>(WRITE, (call) => {
    const name = call.path.ref ?? '';
    const current = call.repository.refs.get(name);
    if (!current) throw new ApiError(422, 'Reference does not exist');
    if (!call.repository.commits.has(call.body.sha)) throw new ApiError(422, 'Object does not exist');
    if (!call.body.force && !isAncestor(call, current, call.body.sha)) {
      throw new ApiError(422, 'Update is not a fast forward');
    }
    call.repository.refs.set(name, call.body.sha);
    return ok(renderRef(call, name));
  }),
  'git/delete-ref': operation(WRITE, (call) => {
    if (!call.repository.refs.delete(call.path.ref ?? ''))
      throw new ApiError(422, 'Reference does not exist');
    return noContent();
  }),
};

export function renderRepository(call: Call): object {
  const { repository } = call;
  return {
    id: repository.id,
    name: repository.name,
    full_name: repository.fullName,
    owner: { login: repository.owner, type: 'Organization' },
    private: repository.private,
    visibility: repository.private ? 'private' : 'public',
    default_branch: repository.defaultBranch,
    url: call.links.api(''),
    html_url: call.links.html(''),
  };
}

function findCommit(call: Call, ref: string): Commit {
  const commit = call.repository.resolve(ref);
  if (!commit) throw new ApiError(404, `No commit found for the ref ${ref}`);
  return commit;
}

function isAncestor(call: Call, ancestor: string, sha: string): boolean {
  if (ancestor === sha) return true;
  return (call.repository.commits.get(sha)?.parents ?? []).some((parent) =>
    isAncestor(call, ancestor, parent),
  );
}

function listFolder(call: Call, commit: Commit, folder: string) {
  const prefix = folder ? `${folder}/` : '';
  const inside = [...commit.files.keys()].filter((path) => path.startsWith(prefix));
  if (inside.length === 0) throw notFound();
  const names = new Set(inside.map((path) => path.slice(prefix.length).split('/')[0]));
  return ok([...names].toSorted().map((name) => renderEntry(call, commit, `${prefix}${name}`)));
}

function renderEntry(call: Call, commit: Commit, path: string): object {
  const file = commit.files.get(path);
  const sha = file ? blobSha(file) : sha1(`tree ${commit.sha} ${path}`);
  const url = call.links.api(`/contents/${path}?ref=${commit.sha}`);
  const html_url = call.links.html(`/${file ? 'blob' : 'tree'}/${commit.sha}/${path}`);
  const git_url = call.links.api(`/git/${file ? 'blobs' : 'trees'}/${sha}`);
  return {
    type: file ? 'file' : 'dir',
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    sha,
    size: file?.length ?? 0,
    url,
    html_url,
    git_url,
    download_url: file ? call.links.download(file, 'text/plain; charset=utf-8') : null,
    _links: { self: url, git: git_url, html: html_url },
  };
}

function renderRef(call: Call, name: string): object {
  const sha = call.repository.refs.get(name);
  if (!sha) throw notFound();
  return {
    ref: `refs/${name}`,
    url: call.links.api(`/git/refs/${name}`),
    object: { type: 'commit', sha, url: call.links.api(`/git/commits/${sha}`) },
  };
}

function renderCommit(call: Call, commit: Commit) {
  const url = call.links.api(`/commits/${commit.sha}`);
  return {
    sha: commit.sha,
    url,
    html_url: call.links.html(`/commit/${commit.sha}`),
    comments_url: `${url}/comments`,
    commit: { message: commit.message, author: commit.author, committer: commit.author, url },
    parents: commit.parents.map((sha) => ({ sha, url: call.links.api(`/commits/${sha}`) })),
  };
}
