import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateSqlite } from '../../src/storage/migrate.ts';
import { SqliteDatabase } from '../../src/storage/sqliteDatabase.ts';
import { COUNT_JOBS, OLDEST_DUE } from '../../src/storage/sqliteTally.ts';

function planOf(sql: string, parameters = {}): string {
  const db = new SqliteDatabase(':memory:');
  migrateSqlite(db);
  const plan = db.all(`EXPLAIN QUERY PLAN ${sql}`, parameters).map(({ detail }) => String(detail));
  db.close();
  return plan.join(' / ');
}

test('jobs are counted from an index alone, however long the history is', () => {
  assert.equal(planOf(COUNT_JOBS), 'SCAN jobs USING COVERING INDEX jobs_tally');
});

test('the oldest due job is sought among those that have not ended', () => {
  const plan = planOf(OLDEST_DUE, { now: 1 });
  assert.match(plan, /^S(EARCH|CAN) j USING INDEX (jobs_unfinished|jobs_by_status \(status=)/);
  assert.doesNotMatch(plan, /SCAN o\b/);
});
