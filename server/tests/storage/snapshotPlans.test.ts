import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateSqlite } from '../../src/storage/migrate.ts';
import { SqliteDatabase } from '../../src/storage/sqliteDatabase.ts';
import * as statements from '../../src/storage/sqliteMissing.ts';

const PARAMETERS = { siteId: 1, jobSeq: 1, from: 1, to: 50, limit: 10 };

for (const [name, sql] of Object.entries(statements)) {
  test(`${name} looks at the ranges of its snapshot alone, by key`, () => {
    const db = new SqliteDatabase(':memory:');
    migrateSqlite(db);
    const used = Object.entries(PARAMETERS).filter(([parameter]) => sql.includes(`:${parameter}`));
    const plan = db
      .all(`EXPLAIN QUERY PLAN ${sql}`, Object.fromEntries(used))
      .map(({ detail }) => String(detail));
    db.close();
    const told = plan.join(' / ');
    assert.match(told, /SEARCH p USING PRIMARY KEY \(site_id=\? AND wp_user_id>\? AND wp_user_id<\?\)/);
    assert.doesNotMatch(told, /SCAN (p|points_balances|j|b|job_batches)\b/);
    assert.doesNotMatch(told, /ORDER BY/);
    if (name === 'REMOVE_SLICE') {
      const byKey =
        /SEARCH points_balances USING PRIMARY KEY \(site_id=\? AND wp_user_id=\? AND points_type=\?\)/;
      assert.match(told, byKey);
    }
  });
}
