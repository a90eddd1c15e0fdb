import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JOB_TYPES } from '../../src/jobTypes/jobTypes.ts';
import { migrateSqlite } from '../../src/storage/migrate.ts';
import { BATCH_STATEMENTS } from '../../src/storage/sqliteApply.ts';
import { SqliteDatabase } from '../../src/storage/sqliteDatabase.ts';

const PARAMETERS = {
  siteId: 1,
  jobSeq: 1,
  place: 1,
  n: 0,
  from: 1,
  to: 50,
  rows: '[]',
  onlyType: 'points',
  wpUserId: 1,
  after: 0,
  limit: 1,
};

const TYPE_STATEMENTS = Object.fromEntries(
  JOB_TYPES.flatMap(({ name, table }) =>
    Object.entries(table?.sqlite ?? {}).flatMap(([part, sql]) =>
      sql === null ? [] : [[`${name} ${part}`, sql]],
    ),
  ),
);

for (const [name, sql] of Object.entries({ ...BATCH_STATEMENTS, ...TYPE_STATEMENTS })) {
  test(`${name} finds its rows by key, however many the site has`, () => {
    const db = new SqliteDatabase(':memory:');
    migrateSqlite(db);
    const used = Object.entries(PARAMETERS).filter(([parameter]) => sql.includes(`:${parameter}`));
    const plan = db
      .all(`EXPLAIN QUERY PLAN ${sql}`, Object.fromEntries(used))
      .map(({ detail }) => String(detail));
    db.close();
    assert.ok(plan.length > 0);
    for (const step of plan) {
      assert.doesNotMatch(
        step,
        /^SCAN (?!r VIRTUAL TABLE|block$|CONSTANT ROW)/,
        `a whole table is walked: ${plan.join(' / ')}`,
      );
      if (/SEARCH (points|removed)_balances|SEARCH users/.test(step)) assert.match(step, /wp_user_id/);
      if (/SEARCH points_events USING INDEX/.test(step)) assert.match(step, /wp_user_id|external_event_id/);
    }
  });
}
