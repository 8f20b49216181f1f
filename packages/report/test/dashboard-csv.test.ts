import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeCsv } from '../src/dashboard/client/csv.ts';
import { makeFilter } from '../src/dashboard/client/filter.ts';
import { makeWords } from '../src/dashboard/client/words.ts';
import { outcomes } from '../src/dashboard/data.ts';
import { DashboardCollector } from '../src/dashboard/index.ts';
import { pathOf } from './many-runs.ts';
import { sampleRecord } from './sample-record.ts';

/** The CSV of runs with these messages, in this order. */
function csvOf(messages: readonly string[]): string {
  const collector = new DashboardCollector();
  messages.forEach((message, i) => {
    const record = sampleRecord();
    Object.assign(record.run, { message, id: String(i) });
    collector.add(pathOf(record), record);
  });
  const { runs, models } = collector.finish([], 0);
  const csv = makeCsv({ runs, outcomes, filter: makeFilter({ runs, outcomes, words: makeWords() }) });
  const rows = [...runs.id.keys()].sort((a, b) => Number(runs.id[a]) - Number(runs.id[b]));
  return csv(rows, models[0]?.metrics ?? []);
}

/** As RFC 4180 has it. */
function parsed(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

test('the table as CSV has a head, and what is not finite is empty', () => {
  expect(csvOf(['Say "hi", all'])).toMatchInlineSnapshot(`
    "run,attempt,address,commit,message,branch,event,workflow,actor,started,duration_seconds,result,models,stages_run,stages_cached,saved_seconds,watt_hours,co2_grams,cost_USD,test.accuracy,test.log_loss,test.auc
    0,1,https://github.com/acme/tumor/actions/runs/42,1a2b3c4d5e6f,"Say ""hi"", all",main,push,ml,ada,2026-01-31T09:05:00.000Z,48,error,model,2,2,1.212,24.6,9.8,1.04,0.9718,0.0873,
    "
  `);
});

test('texts come back as they were, but for those that a spreadsheet would run', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 4 }),
      (messages) => {
        const [head, ...rows] = parsed(csvOf(messages));
        expect(rows).toHaveLength(messages.length);
        const column = head?.indexOf('message') ?? -1;
        rows.forEach((row, i) => {
          const message = messages[i] ?? '';
          expect(row).toHaveLength(head?.length ?? 0);
          expect(row[column]).toBe(/^[=+\-@\t\r]/.test(message) ? `'${message}` : message);
        });
      },
    ),
  );
});
