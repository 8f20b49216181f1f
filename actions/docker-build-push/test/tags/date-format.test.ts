import fc from 'fast-check';
import moment from 'moment-timezone';
import { describe, expect, it } from 'vitest';
import { formatDate } from '../../src/tags/date-format.ts';

describe('dates', () => {
  it("are written as docker/metadata-action's README says", () => {
    const date = new Date('2020-01-10T15:25:50Z');
    expect(formatDate(date, 'YYYYMMDD')).toBe('20200110');
    expect(formatDate(date, 'dddd, MMMM Do YYYY, h:mm:ss a')).toBe('Friday, January 10th 2020, 3:25:50 pm');
    expect(formatDate(new Date('2020-01-10T00:30:00Z'), 'YYYYMMDD-HHmmss', 'Asia/Tokyo')).toBe(
      '20200110-093000',
    );
    expect(formatDate(date, 'YYYY-MM-DDTHH:mm:ss.SSS[Z]')).toBe('2020-01-10T15:25:50.000Z');
  });

  it('are written as moment writes them', () => {
    // Not z and zz: moment has abbreviations of its own for time zones.
    const tokens =
      'M Mo MM MMM MMMM Q Qo D Do DD DDD DDDo DDDD d do dd ddd dddd e E w wo ww W Wo WW YY YYYY YYYYY YYYYYY Y y yo yy yyy yyyy N NNNN gg gggg ggggg GG GGGG GGGGG A a H HH h hh k kk m mm hmm hmmss Hmm Hmmss s ss S SS SSS SSSS SSSSSSSSS x X Z ZZ LT LTS L LL LLL LLLL l ll lll llll';
    const part = fc.oneof(
      fc.constantFrom(...tokens.split(' ')),
      fc.constantFrom('-', '.', ' ', 'T', '[Z]', '[at YYYY]', '\\H', '[', ']', 'n'),
    );
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('2037-12-31'), noInvalidDate: true }),
        fc.array(part, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('UTC', 'Asia/Tokyo', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe'),
        (date, parts, zone) => {
          const format = parts.join('');
          expect(formatDate(date, format, zone)).toBe(moment(date).tz(zone).format(format));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('need a time zone that exists', () => {
    expect(() => formatDate(new Date(0), 'YYYY', 'Mars/Olympus')).toThrow(RangeError);
  });
});
