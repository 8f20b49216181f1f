/**
 * What the file system says about a file, as node:fs Stats does. Times are JavaScript numbers, so they are exact to a
 * quarter of a microsecond; bigint ones would be exact to the nanosecond and slower, for nothing: see StatCache.
 */
export interface Stamp {
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}

/** Files to look at or to read, as few and simple values, because threads get copies. */
export interface Task {
  paths: readonly string[];
  /** A stamp for each path, or none; see packStamps. */
  stamps: Float64Array;
  /**
   * When given, a file is read unless it still has its stamp or has more bytes than this. Otherwise every file is read
   * and must have the size and mtime of its stamp.
   */
  lookUpTo?: number;
}

export interface TaskResult {
  /** The stamp that each file has now, after its last byte was read. */
  stamps: Float64Array;
  /** The sha256 of each file; null where it was not read. */
  hexes: (string | null)[];
  /** The first file that could not be read, where the task ended; `code` is the system's, or `CHANGED`. */
  failure?: { index: number; code: string; message: string };
}

/**
 * Makes the function that does a task, one file after the other, in constant memory.
 *
 * Worker threads run this very function from its source text, because an action is bundled into one file and has no
 * other file that a worker could start from. So it must not refer to anything outside itself, imports included.
 */
export function makeHashFiles(): (task: Task) => TaskResult {
  const fs = process.getBuiltinModule('node:fs');
  const crypto = process.getBuiltinModule('node:crypto');
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);

  // Reads exactly `size` bytes, or fewer when the file has become shorter; the stamp tells.
  function digest(fd: number, size: number): string {
    const whole = size <= buffer.length;
    const hash = whole ? undefined : crypto.createHash('sha256');
    let done = 0;
    while (done < size) {
      const offset = whole ? done : 0;
      const read = fs.readSync(fd, buffer, offset, Math.min(size - done, buffer.length - offset), null);
      if (read === 0) break;
      hash?.update(buffer.subarray(0, read));
      done += read;
    }
    return hash ? hash.digest('hex') : crypto.hash('sha256', buffer.subarray(0, done), 'hex');
  }

  // Of the size and mtime `expected`, or else of those it has now; not read when it is larger than `limit`.
  function read(
    path: string,
    expected: Stamp | undefined,
    limit: number,
  ): { hex: string | null; stat: Stamp } {
    const fd = fs.openSync(path, 'r');
    try {
      const { size, mtimeMs } = expected ?? fs.fstatSync(fd);
      const hex = size <= limit ? digest(fd, size) : null;
      const stat = fs.fstatSync(fd);
      // ctime is not compared: it also tells of new modes and names.
      if (stat.size === size && stat.mtimeMs === mtimeMs) return { hex, stat };
      throw Object.assign(new Error('changed while it was read'), { code: 'CHANGED' });
    } finally {
      fs.closeSync(fd);
    }
  }

  function look(path: string, known: Stamp | undefined, limit: number): { hex: string | null; stat: Stamp } {
    if (known) {
      const stat = fs.statSync(path);
      const { size, mtimeMs, ctimeMs, ino } = known;
      const same =
        stat.mtimeMs === mtimeMs && stat.size === size && stat.ctimeMs === ctimeMs && stat.ino === ino;
      if (same) return { hex: null, stat };
    }
    return read(path, undefined, limit);
  }

  return ({ paths, stamps, lookUpTo }) => {
    const now = new Float64Array(stamps.length);
    const hexes: (string | null)[] = [];
    for (let index = 0; index < paths.length; index++) {
      try {
        const [path, at] = [paths[index] as string, index * 4];
        const [size, mtimeMs, ctimeMs, ino] = [stamps[at], stamps[at + 1], stamps[at + 2], stamps[at + 3]];
        const stamp = Number.isNaN(size) ? undefined : ({ size, mtimeMs, ctimeMs, ino } as Stamp);
        const { hex, stat } =
          lookUpTo === undefined ? read(path, stamp, Infinity) : look(path, stamp, lookUpTo);
        now[at] = stat.size;
        now[at + 1] = stat.mtimeMs;
        now[at + 2] = stat.ctimeMs;
        now[at + 3] = stat.ino;
        hexes.push(hex);
      } catch (error) {
        const { code = 'EIO', message } = error as NodeJS.ErrnoException;
        return { stamps: now, hexes, failure: { index, code, message } };
      }
    }
    return { stamps: now, hexes };
  };
}

export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.mtimeMs === b.mtimeMs && a.size === b.size && a.ctimeMs === b.ctimeMs && a.ino === b.ino;
}

/** Four numbers a stamp: size, mtime, ctime, inode; NaN, which equals nothing, where there is none. */
export function packStamps(stamps: readonly (Stamp | undefined)[]): Float64Array {
  const packed = new Float64Array(stamps.length * 4).fill(Number.NaN);
  for (const [i, stamp] of stamps.entries())
    if (stamp) {
      packed[i * 4] = stamp.size;
      packed[i * 4 + 1] = stamp.mtimeMs;
      packed[i * 4 + 2] = stamp.ctimeMs;
      packed[i * 4 + 3] = stamp.ino;
    }
  return packed;
}

export function unpackStamp(packed: Float64Array, index: number): Stamp {
  const at = (part: number) => packed[index * 4 + part] as number;
  return { size: at(0), mtimeMs: at(1), ctimeMs: at(2), ino: at(3) };
}
