import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BATCH_STATEMENTS } from '../../src/storage/postgresApply.ts';
import { PostgresDatabase } from '../../src/storage/postgresDatabase.ts';
import { migratePostgres } from '../../src/storage/postgresMigrate.ts';
import * as missing from '../../src/storage/postgresMissing.ts';
import { COUNT_JOBS } from '../../src/storage/postgresTally.ts';
import { PostgresServer } from '../support/postgresServer.ts';

const VALUES = {
  ...{ siteId: 1, jobSeq: 1, place: 1, n: 0, from: 1, to: 50, limit: 10, onlyType: 'points' },
  ...{ userIds: '{1,2}', emails: '{a,b}', balances: '{1,2}', checksums: '{1,2}', pointsTypes: null },
};

describe('a statement on PostgreSQL', () => {
  let server: PostgresServer;
  let db: PostgresDatabase;
  before(async () => {
    server = await PostgresServer.start();
    db = new PostgresDatabase({ url: await server.database() });
    await migratePostgres(db);
    await fill(db);
  });
  after(async () => {
    await db.close();
    await server.remove();
  });

  for (const [name, sql] of Object.entries({ ...BATCH_STATEMENTS, ...missing })) {
    test(`${name} finds its balances by key, however many the site has`, async () => {
      const plan = (await db.all(`EXPLAIN ${sql}`, VALUES)).map((row) => String(row['QUERY PLAN']));
      const told = plan.join('\n');
      assert.doesNotMatch(told, /Seq Scan on (points|removed)_balances/, told);
      for (const step of plan) {
        if (/Index Cond:.*site_id/.test(step)) assert.match(step, /wp_user_id/, told);
      }
      // What stands is written where it was found.
      if (/(Update|Delete) on points_balances/.test(told))
        assert.match(told, /Tid Scan on points_balances/, told);
      const looksUp = !/^(INSERT|REMEMBER_REMOVED)$/.test(name);
      assert.equal(/Index Cond:.*wp_user_id/.test(told), looksUp, told);
    });
  }

  test('jobs are counted from an index alone, however long the history is', async () => {
    await db.all(
      `INSERT INTO artly.jobs (job_id, site_id, type, accepted, status, created_at, updated_at)
       SELECT 'job ' || at, site_id, 'points-balances', true, 'completed', 1, 1
       FROM artly.sites, generate_series(1, 20000) AS at`,
    );
    await db.all('VACUUM ANALYZE artly.jobs');
    const plan = (await db.all(`EXPLAIN ${COUNT_JOBS}`)).map((row) => String(row['QUERY PLAN'])).join('\n');
    assert.match(plan, /Index Only Scan using jobs_tally on jobs/);
  });
});

/** Two large sites, of which the planner knows. */
async function fill(db: PostgresDatabase): Promise<void> {
  const members = `generate_series(1, 2) AS site, generate_series(1, 20000) AS id`;
  await db.transaction(async (tx) => {
    await tx.run(`INSERT INTO artly.sites (url, created_at) VALUES ('https://shop.example', 1)`);
    await tx.run(
      `INSERT INTO artly.points_balances (site_id, wp_user_id, points_type, job_seq, balance, checksum, email)
       SELECT site, id, 'points', 1, 1, 1, 'a' FROM ${members}`,
    );
    await tx.run(
      `INSERT INTO artly.removed_balances (site_id, wp_user_id, points_type, job_seq)
       SELECT site, id, 'points', 1 FROM ${members}`,
    );
    await tx.run('ANALYZE artly.points_balances, artly.removed_balances');
  });
}
