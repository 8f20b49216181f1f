import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import type { TakeRow } from './rows.ts';

/** One array of NumPy: a value, or a row of values, for each example. */
interface NumpyArray {
  readonly length: number;
  at(i: number): unknown;
}

/**
 * Hands on the rows of `.npz` archives, whose arrays are columns by their names, and of `.npy` files, each a column
 * named after its file. The format is that of NumPy's `numpy.lib.format`, versions 1 to 3, without pickled objects.
 */
export async function eachNumpyRow(
  paths: readonly string[],
  files: readonly string[],
  take: TakeRow,
): Promise<void> {
  const columns = new Map<string, NumpyArray>();
  for (const [i, path] of paths.entries()) {
    const file = files[i] as string;
    const bytes = new Uint8Array(await readFile(path));
    if (path.toLowerCase().endsWith('.npz')) {
      for (const [name, content] of Object.entries(await unzipped(bytes, file)))
        columns.set(basename(name, '.npy'), arrayOf(content, `${file}: ${name}`));
    } else columns.set(basename(path).replace(/\.npy$/i, ''), arrayOf(bytes, file));
  }
  const names = [...columns.keys()];
  const [first] = columns.values();
  for (const [name, array] of columns)
    if (array.length !== first?.length)
      throw new UserError(
        `'${name}' has ${array.length} examples and '${names[0]}' has ${first?.length}, so they do not belong together`,
        { file: files.join(', ') },
      );
  for (let i = 0; i < (first?.length ?? 0); i++)
    take(
      names,
      Array.from(columns.values(), (array) => array.at(i)),
      i + 1,
    );
}

async function unzipped(bytes: Uint8Array, file: string): Promise<Record<string, Uint8Array>> {
  const { unzipSync } = await import('fflate');
  try {
    return unzipSync(bytes);
  } catch (error) {
    throw new UserError(`the file is no archive of NumPy: ${messageOf(error)}`, {
      file,
      advice: 'Write it with numpy.savez or numpy.savez_compressed.',
    });
  }
}

function arrayOf(bytes: Uint8Array, file: string): NumpyArray {
  const { description, data } = headerOf(bytes, file);
  const type = /'descr':\s*'([<>|=]?)([a-zA-Z])(\d+)'/.exec(description);
  const shape = /'shape':\s*\(([^)]*)\)/.exec(description)?.[1];
  if (!type || shape === undefined)
    throw new UserError(
      /'descr':\s*'\|?O/.test(description)
        ? 'the array holds pickled Python objects, which are not read: they could run code'
        : `the array has a type that is not read: ${description.trim()}`,
      { file, advice: "Convert it first, such as with array.astype(str) or array.astype('float64')." },
    );
  const [length = 1, width = 1, ...more] = shape
    .split(',')
    .filter((one) => one.trim())
    .map(Number);
  const [, order = '', kind = '', bytesEach = ''] = type;
  const size = Number(bytesEach) * (kind === 'U' ? 4 : 1);
  if (more.length > 0)
    throw new UserError(
      `the array has ${more.length + 2} dimensions, but examples have one value or one row each`,
      {
        file,
      },
    );
  if (data.byteLength < length * width * size)
    throw new UserError('the file ends before its array does', {
      file,
      advice: 'Was the program stopped while it wrote?',
    });
  const read = reader(data, kind, Number(bytesEach), order !== '>');
  if (!read) throw new UserError(`numbers of the type '${kind}${bytesEach}' are not read`, { file });
  if (!shape.replace(/,\s*$/, '').includes(',')) return { length, at: (i) => read(i * size) };
  const fortran = /'fortran_order':\s*True/.test(description);
  const place = (i: number, c: number) => (fortran ? c * length + i : i * width + c) * size;
  return { length, at: (i) => Array.from({ length: width }, (_, c) => read(place(i, c))) };
}

function headerOf(bytes: Uint8Array, file: string): { description: string; data: DataView } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || Buffer.from(bytes.subarray(0, 6)).toString('latin1') !== '\x93NUMPY')
    throw new UserError('the file is no array of NumPy', { file, advice: 'Write it with numpy.save.' });
  const long = (bytes[6] as number) > 1;
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) throw new UserError('the file ends within its header', { file });
  return {
    description: Buffer.from(bytes.subarray(start, end)).toString('utf8'),
    data: new DataView(bytes.buffer, bytes.byteOffset + end, bytes.byteLength - end),
  };
}

/** Reads one value at a byte; undefined for a type that is none of these. */
function reader(
  view: DataView,
  kind: string,
  size: number,
  little: boolean,
): ((at: number) => unknown) | undefined {
  const readers: Readonly<Record<string, (at: number) => unknown>> = {
    f2: (at) => half(view.getUint16(at, little)),
    f4: (at) => view.getFloat32(at, little),
    f8: (at) => view.getFloat64(at, little),
    i1: (at) => view.getInt8(at),
    i2: (at) => view.getInt16(at, little),
    i4: (at) => view.getInt32(at, little),
    i8: (at) => exact(view.getBigInt64(at, little)),
    u1: (at) => view.getUint8(at),
    u2: (at) => view.getUint16(at, little),
    u4: (at) => view.getUint32(at, little),
    u8: (at) => exact(view.getBigUint64(at, little)),
    b1: (at) => view.getUint8(at) !== 0,
  };
  if (kind === 'U')
    return (at) => {
      let text = '';
      for (let i = 0; i < size; i++) {
        const point = view.getUint32(at + 4 * i, little);
        if (point) text += String.fromCodePoint(point);
      }
      return text;
    };
  if (kind === 'S')
    return (at) =>
      Buffer.from(view.buffer, view.byteOffset + at, size)
        .toString('latin1')
        .replace(/\0+$/, '');
  return readers[`${kind}${size}`];
}

/** A number where it is exact, else its digits: ids may be longer. */
export function exact(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

/** A number of IEEE 754's binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
