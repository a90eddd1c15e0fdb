import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PostgresServer } from '../support/postgresServer.ts';
import { hasEnded, members } from '../support/testServer.ts';
import { processGroup } from './processGroup.ts';

const RECORDS = 300_000;
/** Time for a woken worker to do what it was at. */
const AWAKE_MS = 3_000;

const postgres = await PostgresServer.start();
after(() => postgres.remove());

test('a worker that is frozen in the middle of a job loses it, changes nothing when it wakes, and goes on with other work', async (t) => {
  const shop = await processGroup(t, { workers: 1, postgres });
  const frozen = shop.all[1];
  assert.ok(frozen);
  const jobId = await shop.site.start(members(RECORDS));
  await shop.site.waitFor(jobId, ({ processed }) => processed > 0);
  process.kill(frozen.pid, 'SIGSTOP');
  const other = await shop.addWorker();
  const done = await shop.site.waitFor(jobId, hasEnded);
  assert.deepEqual([done.status, done.processed, done.inserted], ['completed', RECORDS, RECORDS]);
  assert.ok(done.attempt >= 2, 'another worker took it over');

  process.kill(frozen.pid, 'SIGCONT');
  await pause(AWAKE_MS);
  assert.deepEqual(await shop.site.job(jobId), done);
  const { json } = await shop.site.call(`/artly/sync/jobs/${jobId}/audit`);
  const events = (json.audit as { event: string }[]).map(({ event }) => event);
  assert.equal(events.at(-1), 'completed');

  await other.stop('SIGTERM');
  const next = await shop.site.waitFor(await shop.site.start(members(100)), hasEnded);
  assert.deepEqual([next.status, next.unchanged], ['completed', 100]);
});
