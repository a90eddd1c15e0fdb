import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PostgresServer } from '../support/postgresServer.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { members, type TestSite } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

const CANCELS = 200;
const RECORDS = 5_000;
/** About as long as such a job takes here. */
const WITHIN_MS = 150;
/** A batch of such a job takes a few milliseconds. */
const LATER_MS = 25;

const postgres = await PostgresServer.start();
after(() => postgres.remove());

test(`after each of ${CANCELS} cancels that one process answers, no record of another’s job changes`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const { site } = await processGroup(t, { workers: 2, postgres });
  let between = 0;
  for (let at = 1; at <= CANCELS; at += 1) {
    // Another value in each job, so that each record that is applied changes its balance.
    const jobId = await site.start(members(RECORDS, { balance: (id) => id + at }));
    await pause(random() * WITHIN_MS);
    await site.call('/artly/sync/points-balances/cancel', { jobId });
    const before = await picture(site, jobId);
    await pause(LATER_MS);
    assert.deepEqual(await picture(site, jobId), before);
    const { processed, status } = before.job;
    if (status === 'cancelled' && processed > 0 && processed < RECORDS) between += 1;
  }
  t.diagnostic(`${between} of ${CANCELS} fell between the first batch and the last`);
  assert.ok(between >= CANCELS / 4, 'many cancels fall while balances change');
});

/** The job, and the sums of all balances. */
async function picture(site: TestSite, jobId: string) {
  const job = await site.job(jobId);
  const { json } = await site.call('/artly/points-balances/checksums?size=1000');
  return { job, ranges: json.ranges };
}
