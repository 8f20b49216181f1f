import { messageOf, UserError } from '@mlops/core';
import { exact } from './numpy.ts';
import type { TakeRow } from './rows.ts';

/** Rows whose columns are in memory at once; a row group may have many more. */
const atOnce = 100_000;

/** Hands on the rows of a Parquet file, a part of its columns at a time. */
export async function eachParquetRow(path: string, file: string, take: TakeRow): Promise<void> {
  const [{ asyncBufferFromFile, parquetScan, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  let line = 0;
  try {
    const scan = await parquetScan({ file: await asyncBufferFromFile(path), compressors });
    const names = parquetSchema(scan.metadata).children.map(({ element }) => element.name);
    for (const group of scan.ranges)
      for (let rowStart = group.rowStart; rowStart < group.rowEnd; rowStart += atOnce) {
        const rowEnd = Math.min(group.rowEnd, rowStart + atOnce);
        const part = (column: string) => scan.readColumn({ column, rowStart, rowEnd });
        const columns = await Promise.all(names.map(part));
        const cellsAt = (i: number) => columns.map((column) => plain(column[i]));
        for (let i = 0; i < rowEnd - rowStart; i++) take(names, cellsAt(i), ++line);
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
