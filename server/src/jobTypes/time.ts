import { isoTime } from '../domain/job.ts';
import { type Field, Problem, shown } from './fields.ts';

/** ISO 8601, or the datetime of MySQL; both are UTC where they name no offset. */
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?$/;
const RULE =
  'must be a time like 2026-11-24T09:21:53Z, 2026-11-24T10:21:53+01:00, or 2026-11-24 09:21:53, which is taken as UTC';

/** A moment: milliseconds since 1970, UTC. */
export const time: Field = {
  problems: ['INVALID'],
  read: (value) => readTime(value) ?? new Problem('INVALID', `${RULE}, not ${shown(value)}`),
};

function readTime(value: unknown): number | undefined {
  const match = typeof value === 'string' ? TIME.exec(value) : null;
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '00', fraction = '', , sign, offsetHour, offsetMinute] =
    match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const milliseconds = Date.parse(local);
  // A 31st of June would become the 1st of July.
  if (Number.isNaN(milliseconds) || isoTime(milliseconds) !== local) return undefined;
  if (sign === undefined) return milliseconds;
  const [hours, minutes] = [Number(offsetHour), Number(offsetMinute)];
  if (hours > 23 || minutes > 59) return undefined;
  const offset = (60 * hours + minutes) * 60_000;
  return sign === '+' ? milliseconds - offset : milliseconds + offset;
}
