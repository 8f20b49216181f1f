import { messageOf, retry, UserError } from '@mlops/core';
import { type GitHubApi, reasonOf } from '@mlops/core/github-api';
import { type RunRecord, runRecordSchema } from '@mlops/core/record';

/** Megabytes (10⁶ bytes) that are read of what a stranger uploaded: of the archive, and of the record in it. */
const mostMegabytes = { archive: 64, record: 32 };
const recordFile = 'run-record.json';

export interface UntrustedArtifact {
  owner: string;
  repo: string;
  id: number;
  name: string;
  /** As GitHub tells it. */
  bytes: number;
}

/** The run that an artifact must be of, by what GitHub itself says. */
export interface ExpectedRun {
  id: number;
  attempt: number;
  commit: string;
}

/**
 * The record in an artifact that code of strangers made. Of the archive only the record is unpacked, in memory and with
 * a limit, and it must be of the run that it was uploaded in. What it says of itself is not to be believed beyond that.
 *
 * @throws UserError for an artifact that is too large, no archive, or holds no record of that run
 */
export async function untrustedRecord(
  api: GitHubApi,
  artifact: UntrustedArtifact,
  expected: ExpectedRun,
  signal: AbortSignal,
): Promise<RunRecord> {
  const refuse = (why: string, cause?: unknown) =>
    new UserError(`the artifact '${artifact.name}' of run ${expected.id} is not reported: ${why}`, {
      cause,
      advice: 'Nothing was posted. Look at what the pull request changes before you trust any of it.',
    });
  if (artifact.bytes > mostMegabytes.archive * 1e6)
    throw refuse(`it has ${artifact.bytes} bytes, more than ${mostMegabytes.archive} MB`);
  const archive = await download(api, artifact, signal).catch((error) => {
    signal.throwIfAborted();
    throw refuse(`it cannot be downloaded: ${reasonOf(error)}`, error);
  });
  if (!archive) throw refuse(`it has more than ${mostMegabytes.archive} MB`);

  let text: string | undefined;
  try {
    text = await unpacked(archive);
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  if (text === undefined) throw refuse(`there is no ${recordFile} in it`);
  const parsed = runRecordSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(
      `its record is none: ${issue?.path.join('.').slice(0, 80)}: ${issue?.message.slice(0, 200)}`,
      parsed.error,
    );
  }
  const { run } = parsed.data;
  if (run.id !== String(expected.id)) throw refuse(`its record is of run ${run.id.slice(0, 40)}`);
  if (run.commit !== expected.commit)
    throw refuse(`its record is of commit ${run.commit.slice(0, 40)}, but the run is of ${expected.commit}`);
  if (run.attempt > expected.attempt)
    throw refuse(`its record is of attempt ${run.attempt}, but the run is at ${expected.attempt}`);
  return parsed.data;
}

/** Undefined when there are more bytes than are read, whatever GitHub said of the size. */
async function download(
  api: GitHubApi,
  { owner, repo, id }: UntrustedArtifact,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { HttpClient } = await import('@actions/http-client');
  const client = new HttpClient('mlops', [], { socketTimeout: 30_000 });
  return retry(
    async (aborted) => {
      // The address is good for a minute, and must not see the token.
      const { headers } = await api.rest.actions.downloadArtifact({
        ...{ owner, repo, artifact_id: id, archive_format: 'zip' },
        request: { redirect: 'manual' },
      });
      const { message } = await client.get(headers.location ?? '');
      if (message.statusCode !== 200) throw new Error(`the download was answered ${message.statusCode}`);
      const stop = () => message.destroy(aborted.reason);
      aborted.addEventListener('abort', stop, { once: true });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of message) {
        bytes += (chunk as Buffer).length;
        if (bytes > mostMegabytes.archive * 1e6) return undefined;
        chunks.push(chunk as Buffer);
      }
      aborted.removeEventListener('abort', stop);
      return Buffer.concat(chunks);
    },
    { what: 'downloading the report', attempts: 3, deadlineMs: 5 * 60_000, signal },
  ).finally(() => client.dispose());
}

/** The record's text. An archive that states a small size and unpacks to more is cut off there, and is no JSON. */
async function unpacked(archive: Buffer): Promise<string | undefined> {
  const { unzipSync } = await import('fflate');
  const files = unzipSync(archive, {
    filter({ name, originalSize }) {
      if (name !== recordFile) return false;
      if (originalSize <= mostMegabytes.record * 1e6) return true;
      throw new Error(`its record has ${originalSize} bytes, more than ${mostMegabytes.record} MB`);
    },
  });
  const record = files[recordFile];
  return record && new TextDecoder().decode(record);
}

/** Undefined, which no schema takes, for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
