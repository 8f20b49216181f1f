import { busyStatus } from '../run-tool.ts';
import type { Cause, Circumstances } from './causes.ts';

/* Why something could not be fetched: from an index, a channel, or a repository. */

/** A requirement from a repository that git cannot fetch. */
export function git(said: string): Cause | undefined {
  if (
    !/Git operation failed|git (?:fetch|clone)\b.*(?:exit status|exit code|did not run successfully)/.test(
      said,
    )
  )
    return undefined;
  const reason = /^\s*((?:fatal|remote|ERROR|error): .+)$/gim;
  const lines = [...said.matchAll(reason)].map(([, line = '']) => line);
  const why = lines.findLast((line) => /^fatal: /.test(line)) ?? lines.at(-1) ?? 'git said nothing';
  const denied = /could not read (Username|Password)|Authentication failed|Permission denied|not found/i.test(
    said,
  );
  return {
    message: `git cannot fetch a repository: ${why.replace(/(\w:\/\/)[^/\s@]+@/, '$1')}`,
    advice: denied
      ? "The repository is private or does not exist. Give git a token in an earlier step: git config --global url.'https://x-access-token:TOKEN@github.com/'.insteadOf 'https://github.com/', or a deploy key for ssh."
      : 'Check its address and revision, and whether this runner reaches it.',
  };
}

/** 401 and 403: which index, and whether it is credentials that are missing or those that were given. */
export function refused(said: string, { hasCredentials }: Circumstances): Cause | undefined {
  const status =
    /\b(401) Unauthorized|\b(403) Forbidden|HTTP (?:error )?(40[13])\b|status(?: code)?:? ?(40[13])\b|\b(40[13]) Client Error|response code:? (40[13])/i.exec(
      said,
    );
  const code = status?.slice(1).find(Boolean);
  if (!code) return undefined;
  const url = addressIn(said);
  const given = url !== undefined && hasCredentials(url);
  const host = url ? new URL(url).host : 'an index';
  const why = given
    ? code === '401'
      ? 'it does not accept the credentials that it was given'
      : 'the credentials that it was given may not read this'
    : 'no credentials were given for it';
  return {
    ...unfound(said),
    message: `${url ? shownAddress(url) : 'an index'} refused the request (${code}): ${why}`,
    advice: given
      ? `Check user and token for ${host} in the input 'index-credentials': whether they have expired, and may read packages.`
      : `Pass them in the input 'index-credentials' from a secret, as 'https://user:token@${host}', or check that the address is right.`,
  };
}

export function busy(said: string): Cause | undefined {
  const status = busyStatus(said);
  if (!status) return undefined;
  const url = addressIn(said);
  const many = status.startsWith('429');
  return {
    message: `${url ? shownAddress(url) : 'the index'} answered ${status}, after several tries`,
    advice: many
      ? 'It limits how much this runner may fetch: run the job again later, fetch through a mirror (UV_DEFAULT_INDEX, conda-channels), or with credentials that have a higher limit.'
      : 'The server is in trouble: run the job again later, or fetch through a mirror (UV_DEFAULT_INDEX, conda-channels).',
  };
}

export function unreachable(said: string): Cause | undefined {
  if (
    !/Request failed|dns error|error sending request|timed out|CondaHTTPError|Could not resolve host|Connection(Error| refused)/i.test(
      said,
    )
  )
    return undefined;
  const url = addressIn(said);
  return {
    ...(url ? { message: `${shownAddress(url)} cannot be reached: ${lastCause(said)}` } : {}),
    advice:
      'The index cannot be reached from this runner. Set HTTPS_PROXY, or a mirror in UV_DEFAULT_INDEX or conda-channels.',
  };
}

/** The package that no index has. */
export function unfound(said: string): { package?: string } {
  const name = /`?([\w.-]+)`? was not found in the package registry/.exec(said)?.[1];
  return name ? { package: name } : {};
}

/** The address that an error names. */
function addressIn(said: string): string | undefined {
  const found = /https?:\/\/[^\s`'"()<>,]+/.exec(said)?.[0]?.replace(/[.:;]+$/, '');
  return found && URL.canParse(found) ? found : undefined;
}

/** An address without user, password and query, any of which may hold a secret. */
export function shownAddress(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/t\/[^/]+/, '/t/***')}`;
}

function lastCause(said: string): string {
  const causes = [...said.matchAll(/^\s*(?:cause:|╰─▶|Caused by:)\s*(.+)$/gm)].map(([, text = '']) =>
    text.trim(),
  );
  return causes.at(-1) ?? 'the network failed';
}
