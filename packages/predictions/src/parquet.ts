import { messageOf, UserError } from '@mlops/core';
import { exact } from './numpy.ts';
import type { TakeRow } from './rows.ts';

/** Rows that are in memory at once. */
const atOnce = 100_000;

/** Hands on the rows of a Parquet file, a part of it at a time. */
export async function eachParquetRow(path: string, file: string, take: TakeRow): Promise<void> {
  const [{ asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects }, { compressors }] =
    await Promise.all([import('hyparquet'), import('hyparquet-compressors')]);
  let line = 0;
  try {
    const buffer = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(buffer);
    const rows = Number(metadata.num_rows);
    for (let rowStart = 0; rowStart < rows; rowStart += atOnce) {
      const rowEnd = Math.min(rows, rowStart + atOnce);
      for (const row of await parquetReadObjects({ file: buffer, metadata, compressors, rowStart, rowEnd }))
        take(Object.keys(row), Object.values(row).map(plain), ++line);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`not a Parquet file that can be read: ${messageOf(error)}`, {
      file,
      advice: 'Was it written to its end, and not encrypted?',
    });
  }
}

/** Numbers where they are exact, in lists and mappings too. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return exact(value);
  if (Array.isArray(value)) return value.map(plain);
  return value;
}
