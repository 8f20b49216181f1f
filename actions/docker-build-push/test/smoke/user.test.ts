import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUser } from '../../src/smoke/user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  '# a comment',
  'app:x:1000:1001:App:/home/app:/bin/sh',
  '7:x:1007:1007::/home/seven:/bin/sh',
  '',
].join('\n');
const group = ['root:x:0:', 'app:x:1001:', 'video:x:44:app,other', 'games:x:60:other', ''].join('\n');
const parse = (user: string) => parseUser(user, passwd, group);

describe('parseUser', () => {
  it.each([
    ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
    ['root', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
    ['app', { uid: 1000, gid: 1001, additionalGids: [1001, 44], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1001, additionalGids: [1001, 44], home: '/home/app' }],
    ['app:games', { uid: 1000, gid: 60, additionalGids: [60], home: '/home/app' }],
    ['app:60', { uid: 1000, gid: 60, additionalGids: [60], home: '/home/app' }],
    ['4711', { uid: 4711, gid: 0, additionalGids: [0], home: '/' }],
    ['4711:4712', { uid: 4711, gid: 4712, additionalGids: [4712], home: '/' }],
    [':60', { uid: 0, gid: 60, additionalGids: [60], home: '/root' }],
    ['7', { uid: 1007, gid: 1007, additionalGids: [1007], home: '/home/seven' }],
  ])("finds whom '%s' means", (user, expected) => {
    expect(parse(user)).toEqual(expected);
  });

  it('says whom the image does not know', () => {
    expect(() => parse('somebody')).toThrow(
      "the image's user is 'somebody', whom its /etc/passwd does not name",
    );
    expect(() => parse('app:nobody')).toThrow(
      "the image's group is 'nobody', which its /etc/group does not name",
    );
    expect(() => parseUser('app', '', '')).toThrow("the image's user is 'app'");
  });

  it('takes every number, whatever the files say', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.string(), (uid, gid, file) => {
        const user = parseUser(`${uid}:${gid}`, '', '');
        expect(user).toEqual({ uid, gid, additionalGids: [gid], home: '/' });
        expect(parseUser('', file, file).additionalGids.length).toBeGreaterThan(0);
      }),
    );
  });
});
