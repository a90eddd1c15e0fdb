import { type Field, Problem, shown } from './fields.ts';

/** ISO 8601, or the datetime of MySQL; both are UTC where they name no offset. Each part has its place. */
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?$/;
const OFFSET = /([+-])(\d\d):?(\d\d)$/;
const FRACTION = /\.(\d{1,3})/;
const RULE =
  'must be a time like 2026-11-24T09:21:53Z, 2026-11-24T10:21:53+01:00, or 2026-11-24 09:21:53, which is taken as UTC';
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** How long a time is without a fraction and an offset, as most are. */
const PLAIN_LENGTH = '2026-11-24 09:21:53'.length;
const MINUTE_MS = 60_000;
const ZERO = 48;

/** A moment: milliseconds since 1970, UTC. */
export const time: Field = {
  problems: ['INVALID'],
  read: (value) => readTime(value) ?? new Problem('INVALID', `${RULE}, not ${shown(value)}`),
};

function readTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !TIME.test(value)) return undefined;
  const [year, month, day] = [
    100 * twoDigits(value, 0) + twoDigits(value, 2),
    twoDigits(value, 5),
    twoDigits(value, 8),
  ];
  const [hour, minute] = [twoDigits(value, 11), twoDigits(value, 14)];
  const second = value[16] === ':' ? twoDigits(value, 17) : 0;
  if (hour > 23 || minute > 59 || second > 59 || day < 1 || day > daysOf(year, month)) return undefined;
  // Years below 100 would be taken as those of the last century.
  if (year < 100) return undefined;
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  if (value.length === PLAIN_LENGTH && value[16] === ':') return milliseconds;
  const offset = offsetOf(value);
  return offset && milliseconds + fractionOf(value) - offset.milliseconds;
}

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO;
}

function daysOf(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return (DAYS[month - 1] ?? 0) + (leap ? 1 : 0);
}

function fractionOf(text: string): number {
  return Number((FRACTION.exec(text)?.[1] ?? '').padEnd(3, '0'));
}

function offsetOf(text: string): { milliseconds: number } | undefined {
  // The hyphens of the date are no signs.
  const [, sign, hours, minutes] = OFFSET.exec(text.slice('2026-11-24'.length)) ?? [];
  if (sign === undefined) return { milliseconds: 0 };
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const milliseconds = (60 * Number(hours) + Number(minutes)) * MINUTE_MS;
  return { milliseconds: sign === '+' ? milliseconds : -milliseconds };
}
