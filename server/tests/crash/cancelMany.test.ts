import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Batch } from '../../src/domain/batch.ts';
import { packText, unpackText } from '../../src/domain/packedText.ts';
import type { RunningServer } from '../../src/server.ts';
import type { Site } from '../../src/storage/storage.ts';
import { batchesOf, member } from '../support/batches.ts';
import { JobWatch } from '../support/jobWatch.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { hasEnded, startTestServer, temporaryFolder } from '../support/testServer.ts';

const CANCELS = 200;
const RECORDS = 100_000;
const TYPE = 'points-balances';
const WATCH_EVERY_MS = 10;
/** A value that stands nowhere else in the records, to be replaced by that of each job. */
const MARK = 777_777;

test(`after each of ${CANCELS} cancels at random moments of a ${RECORDS}-record job, not one further record changes`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const site = await startTestServer(t, { environment: { DATABASE_URL: `sqlite:${databaseFile}` } });
  const { server } = site;
  const [{ siteId }] = (await server.parts.sites.list()) as [Site];
  const template = batchesOf(Array.from({ length: RECORDS }, (_, at) => member(at + 1, MARK)));
  const looking = new DatabaseSync(databaseFile, { readOnly: true });
  t.after(() => looking.close());
  const standing = (value: number) =>
    looking.prepare('SELECT count(*) AS count FROM points_balances WHERE balance = ?').get(value * 10_000)
      ?.count as number;

  const first = await start(server, { siteId, template, value: MARK });
  let wholeMs = await timeOf(() => site.waitFor(first, hasEnded));
  const fell = { beforeFirstBatch: 0, between: 0, afterEnd: 0 };
  for (let value = 1; fell.beforeFirstBatch + fell.between < CANCELS; value += 1) {
    // Each job has a value of its own: so its records can be told from all others.
    const jobId = await start(server, { siteId, template, value });
    const follower = await start(server, {
      siteId,
      template: batchesOf([member(RECORDS + 1, MARK)]),
      value: -value,
    });
    const watch = new JobWatch();
    // Cubed, so that there are more early than late moments, and the test is quick.
    const deadline = performance.now() + random() ** 3 * wholeMs;
    for (let left = 1; left > 0; ) {
      watch.see(await site.job(jobId));
      left = deadline - performance.now();
      await pause(Math.max(0, Math.min(left, WATCH_EVERY_MS)));
    }

    const { status } = await site.call(`/artly/sync/${TYPE}/cancel`, { jobId });
    const atAnswer = standing(value);
    assert.equal(status, 200);
    const cancelled = await site.job(jobId);
    watch.see(cancelled);
    await site.waitFor(follower, hasEnded);
    assert.equal(standing(value), atAnswer, 'no further record changed after the answer');
    assert.deepEqual(await site.job(jobId), cancelled, 'nor did the job');
    assert.equal(cancelled.processed, atAnswer, 'processed is what stands');
    if (cancelled.processed === RECORDS) {
      fell.afterEnd += 1;
      wholeMs *= 0.95;
    } else {
      assert.equal(cancelled.status, 'cancelled');
      fell[cancelled.processed === 0 ? 'beforeFirstBatch' : 'between'] += 1;
    }
    await forgetRecords(server);
  }
  t.diagnostic(
    `cancels: ${fell.between} between the first batch and the last, ${fell.beforeFirstBatch} before, and ${fell.afterEnd} more after the end`,
  );
  assert.ok(fell.between >= CANCELS / 2, 'most cancels fall while balances change');
});

/** A pending job whose records all have this value, stored by the way a start takes after its body was read. */
async function start(
  { parts }: RunningServer,
  { siteId, template, value }: { siteId: number; template: Batch[]; value: number },
): Promise<string> {
  const jobId = randomUUID();
  const now = Date.now();
  const batches = template.map((batch) => ({
    ...batch,
    rows: packText(unpackText(batch.rows).toString().replaceAll(`${MARK}0000`, `${value}0000`)),
  }));
  await parts.storage.openUpload({ jobId, siteId, type: TYPE, now });
  await parts.jobs.accepted(
    await parts.storage.accept({ jobId, batches, actor: { name: 'test', ip: null }, now }),
  );
  return jobId;
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** Keeps the database small: the jobs so far need their records no more. */
async function forgetRecords({ parts }: RunningServer): Promise<void> {
  while (await parts.storage.dropRecords({ endedBefore: Date.now() + 1, limit: 1_000 }));
}
