import { decimalJson } from '../domain/decimal.ts';
import { isoTime } from '../domain/job.ts';
import { decimal, emailAddress, optional, text, wholeNumber } from './fields.ts';
import { tableType } from './jobType.ts';
import { time } from './time.ts';

/**
 * Changes of points: the history of a member. An event that is known stays as it came first, whichever job brings it
 * again; so no order of jobs matters. Events never move a balance, which only `points-balances` sets.
 */

/**
 * On SQLite, the index by member goes by blocks of so many events. In one tree over all of them, events in the order of
 * time, as a shop has them, would fall on every page of it, and each batch would write the whole index again. So they
 * fall on the pages of the newest block, and a member's history is looked up in each block. The migration has the same
 * number. And there, what an event is neither found by nor compared by stays as it lies in the batch, binary JSON:
 * docs/decisions/0010-types-of-jobs.md has what that takes.
 */
const BLOCK = 8_192;

export const pointsEvents = tableType({
  name: 'points-events',
  olderNames: ['points-changes'],
  records: 'events',
  fields: {
    external_event_id: text({ longest: 191 }),
    wp_user_id: wholeNumber,
    email: emailAddress,
    points_delta: decimal,
    event_type: text({ longest: 64 }),
    source: optional(text({ longest: 64 })),
    order_id: optional(wholeNumber),
    created_at: time,
  },
  tableName: 'points_events',
  standing: 'first',
  sqlite: {
    write: `
      INSERT INTO points_events (site_id, external_event_id, wp_user_id, record)
      SELECT :siteId, json_extract(r.value, '$[0]'), json_extract(r.value, '$[1]'), r.value
      FROM jsonb_each(CAST(:rows AS TEXT)) AS r WHERE true
      ON CONFLICT (site_id, external_event_id) DO NOTHING`,
    countStanding: null,
    mark: null,
    list: `
      WITH RECURSIVE block (n) AS (
        SELECT CAST(:after AS INTEGER) / ${BLOCK}
        UNION ALL
        SELECT n + 1 FROM block WHERE n < (SELECT max(event_seq) / ${BLOCK} FROM points_events))
      SELECT event_seq AS position, external_event_id, wp_user_id, record ->> '$[2]' AS email,
        CAST(record ->> '$[3]' AS TEXT) AS points_delta, record ->> '$[4]' AS event_type, record ->> '$[5]' AS source,
        record ->> '$[6]' AS order_id, record ->> '$[7]' AS created_at
      FROM block CROSS JOIN points_events
      WHERE site_id = :siteId AND event_seq / ${BLOCK} = block.n AND wp_user_id = :wpUserId AND event_seq > :after
      ORDER BY event_seq LIMIT :limit`,
  },
  postgres: {
    write: `
      WITH inserted AS (
        INSERT INTO artly.points_events (site_id, external_event_id, wp_user_id, email, points_delta, event_type,
          source, order_id, created_at)
        SELECT :siteId::integer, r ->> 0, (r ->> 1)::bigint, r ->> 2, (r ->> 3)::bigint, r ->> 4, r ->> 5,
          (r ->> 6)::bigint, (r ->> 7)::bigint
        FROM jsonb_array_elements(:rows::text::jsonb) AS r
        ON CONFLICT (site_id, external_event_id) DO NOTHING RETURNING 1)
      SELECT count(*) AS inserted, 0 AS updated FROM inserted`,
    mark: null,
    list: `
      SELECT event_seq AS position, external_event_id, wp_user_id, email, points_delta::text AS points_delta, event_type,
        source, order_id, created_at
      FROM artly.points_events
      WHERE site_id = :siteId AND wp_user_id = :wpUserId AND event_seq > :after
      ORDER BY event_seq LIMIT :limit`,
  },
  asJson: (row) => ({
    external_event_id: row.external_event_id,
    wp_user_id: row.wp_user_id,
    email: row.email,
    points_delta: decimalJson(BigInt(row.points_delta as string)),
    event_type: row.event_type,
    source: row.source,
    order_id: row.order_id,
    created_at: isoTime(row.created_at as number),
  }),
});
