import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isWhole } from '../src/checkpoints/whole.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'whole-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function verdict(name: string, content: Buffer): Promise<boolean | undefined> {
  const path = join(folder, name);
  await writeFile(path, content);
  return isWhole(path);
}

/** A zip archive with one stored file (PKWARE APPNOTE 4.3), as torch.save writes them. */
function zip(content: Buffer, comment = ''): Buffer {
  const name = Buffer.from('archive/data.pkl');
  const local = Buffer.alloc(30);
  local.write('PK\x03\x04', 'latin1');
  local.writeUInt32LE(content.length, 18);
  local.writeUInt32LE(content.length, 22);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.write('PK\x01\x02', 'latin1');
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt32LE(30 + name.length + content.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([local, name, content, central, name, end, Buffer.from(comment)]);
}

function safetensors(bytes: number): Buffer {
  const header = Buffer.from(
    JSON.stringify({
      __metadata__: { format: 'pt' },
      weight: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(bytes, 7)]);
}

function hdf5(bytes: number, version: 0 | 2): Buffer {
  const file = Buffer.alloc(64 + bytes);
  file.write('\x89HDF\r\n\x1a\n', 'latin1');
  file[8] = version;
  file[version === 0 ? 13 : 9] = 8;
  file.writeBigUInt64LE(BigInt(file.length), version === 0 ? 40 : 28);
  return file;
}

function npy(count: number): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, 2), }`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), Buffer.alloc(count * 8)]);
}

const formats: [string, (bytes: number) => Buffer][] = [
  ['model.pt', (bytes) => zip(Buffer.alloc(bytes, 1))],
  ['commented.zip', (bytes) => zip(Buffer.alloc(bytes, 1), 'PK\x05\x06 in a comment')],
  ['model.safetensors', safetensors],
  ['model.h5', (bytes) => hdf5(bytes, 0)],
  ['model.keras.h5', (bytes) => hdf5(bytes, 2)],
  ['weights.npy', npy],
  ['state.json', (bytes) => Buffer.from(JSON.stringify({ epoch: Array(bytes).fill(1) }))],
];

test.each(formats)('%s is whole, and no beginning of it is', async (name, make) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0, max: 0.9999, noNaN: true }),
      async (bytes, share) => {
        const content = make(bytes);
        expect(await verdict(name, content)).toBe(true);
        // Of less than eight bytes the format cannot be told.
        const cut = content.subarray(0, Math.max(8, Math.floor(content.length * share)));
        if (cut.length < content.length) expect(await verdict(name, cut)).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});

test('a pickle that is cut off is told from one that may be whole', async () => {
  const pickle = Buffer.from(
    '80049526000000000000007d94288c0565706f6368944b038c066c6f7373657394475ffb2e',
    'hex',
  );
  expect(await verdict('state.pkl', pickle)).toBeUndefined();
  expect(await verdict('state.pkl', pickle.subarray(0, -3))).toBe(false);
});

test('what tells nothing, and what is empty', async () => {
  expect(await verdict('notes.bin', Buffer.from('some bytes'))).toBeUndefined();
  expect(await verdict('model.bin', Buffer.alloc(0))).toBe(false);
  // A lock or a mark.
  expect(await verdict('DONE', Buffer.alloc(0))).toBeUndefined();
  expect(await verdict('metrics.json', Buffer.from('{"loss": 1}\n{"loss": NaN}\n'))).toBe(true);
  expect(await verdict('metrics.json', Buffer.from('{"loss": 1}\n{"loss": N'))).toBe(false);
  expect(await verdict('nan.json', Buffer.from('{"loss": NaN, "best": -Infinity}'))).toBe(true);
});
