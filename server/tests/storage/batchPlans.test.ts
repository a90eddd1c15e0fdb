import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateSqlite } from '../../src/storage/migrate.ts';
import { BATCH_STATEMENTS } from '../../src/storage/sqliteApply.ts';
import { SqliteDatabase } from '../../src/storage/sqliteDatabase.ts';

const PARAMETERS = { siteId: 1, jobSeq: 1, place: 1, n: 0, from: 1, to: 50, rows: '[]', onlyType: 'points' };

for (const [name, sql] of Object.entries(BATCH_STATEMENTS)) {
  test(`${name} finds its balances by key, however many the site has`, () => {
    const db = new SqliteDatabase(':memory:');
    migrateSqlite(db);
    const used = Object.entries(PARAMETERS).filter(([parameter]) => sql.includes(`:${parameter}`));
    const plan = db
      .all(`EXPLAIN QUERY PLAN ${sql}`, Object.fromEntries(used))
      .map(({ detail }) => String(detail));
    db.close();
    assert.ok(plan.length > 0);
    for (const step of plan) {
      assert.doesNotMatch(step, /^SCAN (?!r VIRTUAL TABLE)/, `a whole table is walked: ${plan.join(' / ')}`);
      if (/SEARCH (points|removed)_balances/.test(step)) assert.match(step, /wp_user_id/);
    }
  });
}
