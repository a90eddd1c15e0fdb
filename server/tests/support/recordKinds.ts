import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, member } from './batches.ts';

/**
 * The records of one type of job as the contract's tests make and read them: each has a number as its key, and says a
 * number. So each test that is not about one type runs for all.
 */
export interface RecordKind {
  type: string;
  /** Whether a later record of a key changes what stands; an event stays as it came first. */
  changes: boolean;
  record(id: number, value: number): object;
  /** A record that is rejected, and whose `wp_user_id` is `id`. */
  bad(id: number): object;
  /** What stands at the site: the value by the key. */
  standing(storage: Storage, siteId: number): Promise<Map<number, number>>;
}

/** More than any test has. */
const ALL = { after: 0, limit: 1_000_000 };

export const BALANCES: RecordKind = {
  type: 'points-balances',
  changes: true,
  record: (id, value) => member(id, value),
  bad: badRecord,
  standing: async (storage, siteId) => {
    const page = { siteId, pointsType: null, afterUserId: 0, limit: ALL.limit };
    const balances = await storage.listBalances(page);
    return new Map(balances.map((one) => [one.wpUserId, Number(one.tenThousandths) / 10_000]));
  },
};

const EVENTS: RecordKind = {
  type: 'points-events',
  changes: false,
  record: (id, value) => ({ ...event(id), points_delta: value }),
  bad: (id) => ({ ...event(id), wp_user_id: id, points_delta: 'none' }),
  standing: async (storage, siteId) => {
    const events = await storage.listRecords({ type: 'points-events', siteId, wpUserId: 1, ...ALL });
    return new Map(
      events.map((one) => [
        Number((one.external_event_id as string).slice(1)),
        Number(one.points_delta) / 10_000,
      ]),
    );
  },
};

/** All of them are of one member, whose events can be read at once. */
function event(id: number) {
  return {
    external_event_id: `e${id}`,
    wp_user_id: 1,
    email: 'member1@shop.example',
    event_type: 'order-placed',
    created_at: '2026-11-24 09:21:53',
  };
}

const USERS: RecordKind = {
  type: 'users',
  changes: true,
  record: (id, value) => ({ wp_user_id: id, email: `member${id}@shop.example`, phone: String(value) }),
  bad: (id) => ({ wp_user_id: id, email: 'nobody' }),
  standing: async (storage, siteId) => {
    const users = await storage.listRecords({ type: 'users', siteId, wpUserId: null, ...ALL });
    return new Map(users.map((one) => [one.wp_user_id as number, Number(one.phone)]));
  },
};

export const RECORD_KINDS = [BALANCES, EVENTS, USERS];

/** The counts of a job of this kind: where nothing changes, what would be `updated` is `unchanged`. */
export function countsFor(
  { changes }: RecordKind,
  { inserted = 0, updated = 0, unchanged = 0, rejected = 0 },
) {
  const counts = changes ? { updated, unchanged } : { updated: 0, unchanged: unchanged + updated };
  return { processed: inserted + updated + unchanged + rejected, inserted, ...counts, rejected };
}
