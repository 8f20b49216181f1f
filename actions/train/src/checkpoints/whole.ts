import { type FileHandle, open } from 'node:fs/promises';

/**
 * Whether a file was written to its end, as far as its format tells: true, false, or undefined for a format that does
 * not tell. The formats that trainers write checkpoints in put something at the end that a cut-off file lacks, or
 * announce their length at the start:
 *
 * - zip (PyTorch ≥ 1.6, Keras, NumPy's .npz): the end record is the last thing written (PKWARE APPNOTE 4.3.16)
 * - safetensors: the header holds the offsets of all tensors (https://github.com/huggingface/safetensors#format)
 * - HDF5: the superblock holds the address of the file's end (HDF5 File Format Specification, II.A)
 * - NumPy's .npy: the header holds type and shape (numpy.lib.format)
 * - pickle: a cut-off one lacks the opcode STOP at its end; one that has it is not proven whole
 * - JSON: it parses, all of it or line by line
 */
export async function isWhole(path: string): Promise<boolean | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    // One of these that is empty was opened and not written yet; others are locks and marks.
    if (size === 0) return weights.test(path) ? false : undefined;
    const head = await read(file, 0, 64);
    if (head.subarray(0, 4).equals(zipMagic)) return await isWholeZip(file, size);
    if (head.subarray(0, 8).equals(hdf5Magic)) return isWholeHdf5(head, size);
    if (head.subarray(0, 6).equals(npyMagic)) return await isWholeNpy(file, size);
    if (path.endsWith('.safetensors')) return await isWholeSafetensors(file, size);
    if (path.endsWith('.json') && size <= jsonRead) return isJson(await read(file, 0, size));
    if (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 9) <= 5)
      return (await read(file, size - 1, 1))[0] === 0x2e ? undefined : false;
    return undefined;
  } finally {
    await file.close();
  }
}

const weights = /\.(?:bin|ckpt|h5|hdf5|json|keras|msgpack|npy|npz|onnx|pickle|pkl|pt|pth|safetensors)$/i;

const zipMagic = Buffer.from('PK\x03\x04', 'latin1');
const zipEnd = Buffer.from('PK\x05\x06', 'latin1');
const hdf5Magic = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const npyMagic = Buffer.from('\x93NUMPY', 'latin1');
/** Larger JSON is no checkpoint's, and is not read for this. */
const jsonRead = 64 * 1024 * 1024;

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** The end record, with a comment of up to 65535 bytes, closes the file. */
async function isWholeZip(file: FileHandle, size: number): Promise<boolean> {
  const length = Math.min(size, 22 + 65_535);
  const tail = await read(file, size - length, length);
  for (let at = tail.lastIndexOf(zipEnd); at >= 0; at = at === 0 ? -1 : tail.lastIndexOf(zipEnd, at - 1))
    if (at + 22 <= tail.length && at + 22 + tail.readUInt16LE(at + 20) === tail.length) return true;
  return false;
}

function isWholeHdf5(head: Buffer, size: number): boolean | undefined {
  const version = head[8] ?? 0;
  const offsetSize = version < 2 ? head[13] : head[9];
  const at = version === 0 ? 40 : version === 1 ? 44 : 28;
  if (head.length < at + 8) return false;
  if (offsetSize !== 8) return undefined;
  return BigInt(size) >= head.readBigUInt64LE(at);
}

async function isWholeNpy(file: FileHandle, size: number): Promise<boolean | undefined> {
  const start = await read(file, 0, 12);
  if (start.length < 12) return false;
  const isFirst = start[6] === 1;
  const length = isFirst ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const offset = (isFirst ? 10 : 12) + length;
  if (size < offset) return false;
  const header = (await read(file, offset - length, length)).toString('latin1');
  const bytes = /'descr': '[<>|=]?[a-zA-Z](\d+)'/.exec(header)?.[1];
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (!bytes || shape === undefined || /'descr': '[<>|=]?U/.test(header)) return undefined;
  const count = shape
    .split(',')
    .filter((part) => part.trim())
    .reduce((product, part) => product * Number(part), 1);
  return size >= offset + count * Number(bytes);
}

async function isWholeSafetensors(file: FileHandle, size: number): Promise<boolean> {
  if (size < 8) return false;
  const length = Number((await read(file, 0, 8)).readBigUInt64LE());
  if (length > size - 8 || length > jsonRead) return false;
  try {
    const header = JSON.parse((await read(file, 8, length)).toString('utf8')) as Record<string, unknown>;
    const ends = Object.values(header).map((tensor) => {
      const offsets = (tensor as { data_offsets?: number[] } | null)?.data_offsets;
      return offsets?.[1] ?? 0;
    });
    return size >= 8 + length + Math.max(0, ...ends);
  } catch {
    return false;
  }
}

/** Logs of trainers are called .json, too, and have an object a line. */
function isJson(bytes: Buffer): boolean {
  // Python's json writes these, which JSON has not.
  const text = bytes.toString('utf8').replace(/\b(?:NaN|-?Infinity)\b/g, '0');
  return parses(text) || text.trim().split('\n').every(parses);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
