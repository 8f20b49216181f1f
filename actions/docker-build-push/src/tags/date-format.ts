/**
 * Dates in the format of moment.js (English), which is what tag rules are written in. Moment itself is no longer
 * developed and brings 800 kB of time zones, which Node has already.
 *
 * @param zone a name of the IANA time zone database, or `UTC`
 * @throws RangeError for an unknown time zone
 */
export function formatDate(date: Date, format: string, zone = 'UTC'): string {
  const local = localTime(date, zone);
  return expand(format).replace(token, (part) => {
    if (/^\[./s.test(part)) return part.replace(/^\[|\]$/g, '');
    return tokens[part]?.(local) ?? fraction(part, local) ?? part.replaceAll('\\', '');
  });
}

/** https://momentjs.com/docs/#/displaying/format/ */
const token =
  /\[[^[]*\]|\\?(?:[Hh]mm(?:ss)?|Mo|M{1,4}|Do|DDDo|D{1,4}|d{2,4}|do?|w[ow]?|W[oW]?|Qo?|N{1,5}|Y{5,6}|YYYY|YY|y{2,4}|yo?|gg(?:ggg?)?|GG(?:GGG?)?|[eEaAxX]|hh?|HH?|kk?|mm?|ss?|S{1,9}|zz?|ZZ?|.)/gs;

const short: Record<string, string> = {
  ...{ LTS: 'h:mm:ss A', LT: 'h:mm A', LLLL: 'dddd, MMMM D, YYYY h:mm A', LLL: 'MMMM D, YYYY h:mm A' },
  ...{ LL: 'MMMM D, YYYY', L: 'MM/DD/YYYY', llll: 'ddd, MMM D, YYYY h:mm A', lll: 'MMM D, YYYY h:mm A' },
  ...{ ll: 'MMM D, YYYY', l: 'M/D/YYYY' },
};

/** The short forms of whole formats; what is in brackets stays. */
function expand(format: string): string {
  return format.replace(/\[[^[]*\]|\\?(?:LTS|LT|LL?L?L?|l{1,4})/g, (part) => short[part] ?? part);
}

interface Local {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
  /** From Sunday, 0. */
  weekday: number;
  /** From 1. */
  dayOfYear: number;
  /** East of UTC. */
  offsetMinutes: number;
  zoneName: string;
  epochMs: number;
}

function localTime(date: Date, zone: string): Local {
  const epochMs = date.getTime();
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-US', {
      ...{
        timeZone: zone,
        hourCycle: 'h23',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
      },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric', timeZoneName: 'short' },
    })
      .formatToParts(date)
      .map(({ type, value }) => [type, value]),
  );
  const [hour, minute, second] = [Number(parts.hour), Number(parts.minute), Number(parts.second)];
  const ms = date.getUTCMilliseconds();
  const [year, month, day] = [Number(parts.year), Number(parts.month) - 1, Number(parts.day)];
  const asUtc = Date.UTC(year, month, day, hour, minute, second, ms);
  return {
    ...{ year, month, day, hour, minute, second, ms, epochMs },
    weekday: new Date(asUtc).getUTCDay(),
    dayOfYear: daysBetween(Date.UTC(year, 0, 1), Date.UTC(year, month, day)) + 1,
    offsetMinutes: Math.round((asUtc - epochMs) / 60_000),
    zoneName: parts.timeZoneName ?? '',
  };
}

const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Weeks as the United States count them: from Sunday, each in the year of its Saturday. */
const american = { firstDay: 0, deciding: 6 };
/** ISO 8601: from Monday, each in the year of its Thursday. */
const iso = { firstDay: 1, deciding: 3 };

const tokens: Record<string, (local: Local) => string> = {
  M: ({ month }) => `${month + 1}`,
  Mo: ({ month }) => ordinal(month + 1),
  MM: ({ month }) => pad(month + 1),
  MMM: ({ month }) => months[month]?.slice(0, 3) ?? '',
  MMMM: ({ month }) => months[month] ?? '',
  Q: ({ month }) => `${quarter(month)}`,
  Qo: ({ month }) => ordinal(quarter(month)),
  D: ({ day }) => `${day}`,
  Do: ({ day }) => ordinal(day),
  DD: ({ day }) => pad(day),
  DDD: ({ dayOfYear }) => `${dayOfYear}`,
  DDDo: ({ dayOfYear }) => ordinal(dayOfYear),
  DDDD: ({ dayOfYear }) => pad(dayOfYear, 3),
  d: ({ weekday }) => `${weekday}`,
  do: ({ weekday }) => ordinal(weekday),
  dd: ({ weekday }) => days[weekday]?.slice(0, 2) ?? '',
  ddd: ({ weekday }) => days[weekday]?.slice(0, 3) ?? '',
  dddd: ({ weekday }) => days[weekday] ?? '',
  e: ({ weekday }) => `${weekday}`,
  E: ({ weekday }) => `${weekday || 7}`,
  w: (local) => `${weekOf(local, american).week}`,
  wo: (local) => ordinal(weekOf(local, american).week),
  ww: (local) => pad(weekOf(local, american).week),
  W: (local) => `${weekOf(local, iso).week}`,
  Wo: (local) => ordinal(weekOf(local, iso).week),
  WW: (local) => pad(weekOf(local, iso).week),
  Y: ({ year }) => pad(year, 4),
  YY: ({ year }) => pad(year % 100),
  YYYY: ({ year }) => pad(year, 4),
  YYYYY: ({ year }) => pad(year, 5),
  YYYYYY: ({ year }) => `+${pad(year, 6)}`,
  y: ({ year }) => `${year}`,
  yo: ({ year }) => ordinal(year),
  yy: ({ year }) => pad(year),
  yyy: ({ year }) => pad(year, 3),
  yyyy: ({ year }) => pad(year, 4),
  N: () => 'AD',
  NN: () => 'AD',
  NNN: () => 'AD',
  NNNN: () => 'Anno Domini',
  NNNNN: () => 'AD',
  gg: (local) => pad(weekOf(local, american).year % 100),
  gggg: (local) => pad(weekOf(local, american).year, 4),
  ggggg: (local) => pad(weekOf(local, american).year, 5),
  GG: (local) => pad(weekOf(local, iso).year % 100),
  GGGG: (local) => pad(weekOf(local, iso).year, 4),
  GGGGG: (local) => pad(weekOf(local, iso).year, 5),
  A: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  a: ({ hour }) => (hour < 12 ? 'am' : 'pm'),
  H: ({ hour }) => `${hour}`,
  HH: ({ hour }) => pad(hour),
  h: ({ hour }) => `${hour % 12 || 12}`,
  hh: ({ hour }) => pad(hour % 12 || 12),
  k: ({ hour }) => `${hour || 24}`,
  kk: ({ hour }) => pad(hour || 24),
  m: ({ minute }) => `${minute}`,
  mm: ({ minute }) => pad(minute),
  s: ({ second }) => `${second}`,
  ss: ({ second }) => pad(second),
  hmm: ({ hour, minute }) => `${hour % 12 || 12}${pad(minute)}`,
  hmmss: ({ hour, minute, second }) => `${hour % 12 || 12}${pad(minute)}${pad(second)}`,
  Hmm: ({ hour, minute }) => `${hour}${pad(minute)}`,
  Hmmss: ({ hour, minute, second }) => `${hour}${pad(minute)}${pad(second)}`,
  x: ({ epochMs }) => `${epochMs}`,
  X: ({ epochMs }) => `${Math.floor(epochMs / 1000)}`,
  z: ({ zoneName }) => zoneName,
  zz: ({ zoneName }) => zoneName,
  Z: ({ offsetMinutes }) => offset(offsetMinutes, ':'),
  ZZ: ({ offsetMinutes }) => offset(offsetMinutes, ''),
};

/** `SSS`: that many digits of the second's fraction. */
function fraction(part: string, { ms }: Local): string | undefined {
  return /^S+$/.test(part) ? pad(ms, 3).padEnd(9, '0').slice(0, part.length) : undefined;
}

function pad(value: number, length = 2): string {
  return `${value}`.padStart(length, '0');
}

function ordinal(value: number): string {
  const isTeen = Math.floor((value % 100) / 10) === 1;
  return `${value}${(!isTeen && ['th', 'st', 'nd', 'rd'][value % 10]) || 'th'}`;
}

function quarter(month: number): number {
  return Math.floor(month / 3) + 1;
}

function offset(minutes: number, separator: string): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${separator}${pad(size % 60)}`;
}

/** The number of a week, and the year that it is counted in: that of its `deciding` day. */
function weekOf(
  { year, month, day, weekday }: Local,
  { firstDay, deciding }: typeof iso,
): { year: number; week: number } {
  const fromStart = (weekday - firstDay + 7) % 7;
  const decides = new Date(Date.UTC(year, month, day - fromStart + deciding));
  const weekYear = decides.getUTCFullYear();
  return {
    year: weekYear,
    week: Math.floor(daysBetween(Date.UTC(weekYear, 0, 1), decides.getTime()) / 7) + 1,
  };
}

function daysBetween(from: number, to: number): number {
  return Math.round((to - from) / 86_400_000);
}
