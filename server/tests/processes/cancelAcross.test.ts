import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PostgresServer } from '../support/postgresServer.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { members, type TestSite } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

/** `withinMs`: about as long as such a job takes here. `laterMs`: longer than one of its moves takes. */
const KINDS = [
  { what: 'small jobs', records: 5_000, cancels: 200, withinMs: 150, laterMs: 25 },
  { what: 'jobs that two connections share', records: 250_000, cancels: 10, withinMs: 1_000, laterMs: 150 },
];

const postgres = await PostgresServer.start();
after(() => postgres.remove());

for (const { what, records, cancels, withinMs, laterMs } of KINDS) {
  test(`after each of ${cancels} cancels of ${what}, which one process answers, no record of another’s job changes`, async (t) => {
    const seed = seedOfRun();
    t.diagnostic(`seed ${seed}`);
    const random = seededRandom(seed);
    const { site } = await processGroup(t, { workers: 2, postgres });
    let between = 0;
    for (let at = 1; at <= cancels; at += 1) {
      // Another value in each job, so that each record that is applied changes its balance.
      const jobId = await site.start(members(records, { balance: (id) => id + at }));
      await pause(random() * withinMs);
      await site.call('/artly/sync/points-balances/cancel', { jobId });
      const before = await picture(site, jobId);
      await pause(laterMs);
      assert.deepEqual(await picture(site, jobId), before);
      const { processed, status } = before.job;
      if (status === 'cancelled' && processed > 0 && processed < records) between += 1;
    }
    t.diagnostic(`${between} of ${cancels} fell between the first batch and the last`);
    assert.ok(between >= cancels / 4, 'many cancels fall while balances change');
  });
}

/** The job, and the sums of all balances. */
async function picture(site: TestSite, jobId: string) {
  const job = await site.job(jobId);
  const { json } = await site.call('/artly/points-balances/checksums?size=1000');
  return { job, ranges: json.ranges };
}
