/** One file to read: where it is and how many bytes it had when it was looked at. */
export interface FileJob {
  path: string;
  size: number;
}

/** A file's sha256 in hex and its stamp (see stampOf) after the last byte was read. */
export interface FileHash {
  hex: string;
  stamp: string;
}

/** A file's hash, or the code of the system's error. */
export type FileResult = FileHash | { code: string; message: string };

/**
 * Makes the function that reads and hashes a batch of files, one after the other, in constant memory.
 *
 * Worker threads run this very function from its source text, because an action is bundled into one file and has no
 * other file that a worker could start from. So it must not refer to anything outside itself, imports included.
 */
export function makeHashFiles(): (jobs: readonly FileJob[]) => FileResult[] {
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

  function hashFile(job: FileJob): FileResult {
    try {
      const fd = fs.openSync(job.path, 'r');
      try {
        const hex = digest(fd, job.size);
        const stat = fs.fstatSync(fd, { bigint: true });
        return { hex, stamp: `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}` };
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      const { code = 'EIO', message } = error as NodeJS.ErrnoException;
      return { code, message };
    }
  }

  return (jobs) => jobs.map(hashFile);
}
