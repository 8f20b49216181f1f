import { UserError } from '@mlops/core';

export interface User {
  uid: number;
  gid: number;
  /** With `gid`, as Docker has it: a program that gives up its group must not win what others are denied. */
  additionalGids: number[];
  /** Its home folder. */
  home: string;
}

/**
 * Whom an image's `User` means, by the image's own `/etc/passwd` and `/etc/group`: `user`, `uid`, and either with
 * `:group` or `:gid`; empty is root.
 *
 * @throws UserError for a name that the image does not know
 */
export function parseUser(user: string, passwd: string, group: string): User {
  const [name = '', groupName] = user.split(':', 2);
  const users = rows(passwd).map(([login = '', , uid, gid, , home = '/']) => ({
    ...{ login, uid: Number(uid), gid: Number(gid), home },
  }));
  const groups = rows(group).map(([title = '', , gid, members = '']) => ({
    ...{ title, gid: Number(gid), members: members.split(',') },
  }));
  const number = asNumber(name || '0');
  const known = users.find(({ login, uid }) => (name && login === name) || uid === number);
  if (!known && number === undefined)
    throw new UserError(`the image's user is '${name}', whom its /etc/passwd does not name`, {
      advice: "Add the user in the Dockerfile (RUN useradd …) before 'USER', or give its number.",
    });
  const uid = known?.uid ?? number ?? 0;
  const home = known?.home || '/';
  if (groupName) {
    const gid = gidOf(groupName, groups);
    return { uid, gid, additionalGids: [gid], home };
  }
  const gid = known?.gid ?? 0;
  const others = groups.filter(({ members }) => known && members.includes(known.login));
  return { uid, gid, additionalGids: [...new Set([gid, ...others.map((one) => one.gid)])], home };
}

function gidOf(name: string, groups: { title: string; gid: number }[]): number {
  const gid = groups.find(({ title }) => title === name)?.gid ?? asNumber(name);
  if (gid !== undefined) return gid;
  throw new UserError(`the image's group is '${name}', which its /etc/group does not name`, {
    advice: "Add the group in the Dockerfile (RUN groupadd …) before 'USER', or give its number.",
  });
}

function rows(file: string): string[][] {
  const lines = file.split('\n').filter((line) => line.trim() && !line.startsWith('#'));
  return lines.map((line) => line.split(':'));
}

function asNumber(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
