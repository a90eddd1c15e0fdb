import { emailAddress, optional, pattern, text, wholeNumber } from './fields.ts';
import { tableType } from './jobType.ts';

/** Members of the shop and how to reach them. The last start wins, record by record, as with balances. */

/** As WordPress names them: `pt_BR`, `de_DE_formal`, `ckb`; a hyphen does as well. */
const LOCALE = /^[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8}){0,3}$/;
/** As `wp_timezone_string()` gives it where the shop has no city: from -12:00 to +14:00. */
const OFFSET = /^(?:[+-](?:0\d|1[01]):[0-5]\d|[+-]12:00|\+1[23]:[0-5]\d|\+14:00)$/;
/** A name of the IANA, or what may be one; and what WordPress calls its offsets: `UTC+5.5`. */
const TIMEZONE = /^(?:[+-]\d\d:\d\d|[A-Za-z][A-Za-z0-9_+\-/.]{1,63})$/;
const WORDPRESS_OFFSET = /^UTC[+-](?:\d|1[0-4])(?:\.(?:25|5|75))?$/;
/** To look a zone up takes as long as all the rest of a record, and shops have few of them. */
const knownZones = new Set<string>();
const MOST_KNOWN_ZONES = 1_000;

const LIST = 'wp_user_id AS position, wp_user_id, email, phone, whatsapp, locale, timezone';

export const users = tableType({
  name: 'users',
  olderNames: [],
  records: 'users',
  fields: {
    wp_user_id: wholeNumber,
    email: emailAddress,
    phone: optional(text({ longest: 32 })),
    whatsapp: optional(text({ longest: 32 })),
    locale: optional(pattern(LOCALE, 'must be a locale like pt_BR')),
    timezone: optional(
      pattern(TIMEZONE, 'must be a time zone like Europe/Lisbon, or an offset like +02:00', isZone),
    ),
  },
  tableName: 'users',
  standing: 'last',
  sqlite: {
    write: `
      INSERT INTO users (site_id, wp_user_id, job_seq, email, phone, whatsapp, locale, timezone)
      SELECT :siteId, json_extract(r.value, '$[0]'), :place, json_extract(r.value, '$[1]'),
        json_extract(r.value, '$[2]'), json_extract(r.value, '$[3]'), json_extract(r.value, '$[4]'),
        json_extract(r.value, '$[5]')
      FROM jsonb_each(CAST(:rows AS TEXT)) AS r WHERE true
      ON CONFLICT (site_id, wp_user_id) DO UPDATE
        SET job_seq = excluded.job_seq, email = excluded.email, phone = excluded.phone, whatsapp = excluded.whatsapp,
          locale = excluded.locale, timezone = excluded.timezone
        WHERE users.job_seq <= excluded.job_seq
          AND (users.email <> excluded.email OR users.phone IS NOT excluded.phone
            OR users.whatsapp IS NOT excluded.whatsapp OR users.locale IS NOT excluded.locale
            OR users.timezone IS NOT excluded.timezone)`,
    countStanding: `
      SELECT count(*) AS standing FROM jsonb_each(CAST(:rows AS TEXT)) AS r CROSS JOIN users AS u
      WHERE u.site_id = :siteId AND u.wp_user_id = json_extract(r.value, '$[0]')`,
    mark: `
      UPDATE users SET job_seq = :place
      WHERE site_id = :siteId AND job_seq < :place
        AND wp_user_id IN (SELECT json_extract(r.value, '$[0]') FROM jsonb_each(CAST(:rows AS TEXT)) AS r)`,
    list: `SELECT ${LIST} FROM users WHERE site_id = :siteId AND wp_user_id > :after ORDER BY wp_user_id LIMIT :limit`,
  },
  postgres: {
    write: `
      WITH rows AS MATERIALIZED (
        SELECT r.*, s.place
        FROM (
          SELECT (r ->> 0)::bigint AS wp_user_id, r ->> 1 AS email, r ->> 2 AS phone, r ->> 3 AS whatsapp,
            r ->> 4 AS locale, r ->> 5 AS timezone
          FROM jsonb_array_elements(:rows::text::jsonb) AS r
        ) AS r
          LEFT JOIN LATERAL (
            SELECT u.*, u.ctid AS place FROM artly.users AS u
            WHERE u.site_id = :siteId AND u.wp_user_id = r.wp_user_id LIMIT 1
          ) AS s ON true
        WHERE s.place IS NULL OR (s.job_seq <= :place::bigint
          AND (s.email, s.phone, s.whatsapp, s.locale, s.timezone)
            IS DISTINCT FROM (r.email, r.phone, r.whatsapp, r.locale, r.timezone))
        ORDER BY r.wp_user_id
      ), updated AS (
        UPDATE artly.users AS u
        SET job_seq = :place::bigint, email = r.email, phone = r.phone, whatsapp = r.whatsapp, locale = r.locale,
          timezone = r.timezone
        FROM rows AS r WHERE u.ctid = r.place RETURNING 1
      ), inserted AS (
        INSERT INTO artly.users (site_id, wp_user_id, job_seq, email, phone, whatsapp, locale, timezone)
        SELECT :siteId::integer, r.wp_user_id, :place::bigint, r.email, r.phone, r.whatsapp, r.locale, r.timezone
        FROM rows AS r WHERE r.place IS NULL RETURNING 1)
      SELECT (SELECT count(*) FROM updated) AS updated, (SELECT count(*) FROM inserted) AS inserted`,
    mark: `
      UPDATE artly.users SET job_seq = :place
      WHERE site_id = :siteId AND job_seq < :place AND wp_user_id = ANY (ARRAY(
        SELECT (r ->> 0)::bigint FROM jsonb_array_elements(:rows::text::jsonb) AS r))`,
    list: `
      SELECT ${LIST} FROM artly.users
      WHERE site_id = :siteId AND wp_user_id > :after ORDER BY wp_user_id LIMIT :limit`,
  },
  asJson: ({ wp_user_id, email, phone, whatsapp, locale, timezone }) => ({
    wp_user_id,
    email,
    phone,
    whatsapp,
    locale,
    timezone,
  }),
});

function isZone(name: string): boolean {
  if (/^[+-]/.test(name)) return OFFSET.test(name);
  if (knownZones.has(name) || WORDPRESS_OFFSET.test(name)) return true;
  if (!isIanaZone(name)) return false;
  if (knownZones.size < MOST_KNOWN_ZONES) knownZones.add(name);
  return true;
}

function isIanaZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
