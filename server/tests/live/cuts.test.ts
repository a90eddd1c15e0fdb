import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { hasEnded, type JobJson, members, startTestServer, type TestSite } from '../support/testServer.ts';
import { RestingWorker } from './restingWorker.ts';
import { CUTS, watchEventsCutOften, watchSocketCutOften } from './watcherCutOften.ts';

/** Enough for a change at each connection. */
const RECORDS = 5_000;

type Watch = (test: TestContext, watched: Parameters<typeof watchEventsCutOften>[0]) => Promise<JobJson>;

const WAYS: Record<string, Watch> = {
  events: (_test, watched) => watchEventsCutOften(watched),
  'a WebSocket': watchSocketCutOften,
  'long polls': (_test, watched) => pollCutOften(watched.sites[0] as TestSite, watched),
};

describe(`A watcher that is cut off ${CUTS} times during a job`, () => {
  for (const [name, watch] of Object.entries(WAYS)) {
    it(`by ${name} sees no version twice, none backwards, and the final one`, async (test) => {
      const worker = new RestingWorker();
      const shop = await startTestServer(test, { wrapStorage: worker.wrapStorage });
      const jobId = await shop.start(members(RECORDS));
      const step = (last: boolean) => (last ? worker.letAll() : worker.let(1));
      assert.deepEqual(await watch(test, { jobId, sites: [shop], step }), await shop.job(jobId));
    });
  }
});

async function pollCutOften(
  site: TestSite,
  { jobId, step }: Parameters<typeof watchEventsCutOften>[0],
): Promise<JobJson> {
  let job = await site.job(jobId);
  for (let at = 0; !hasEnded(job); at += 1) {
    const path = `/artly/sync/points-balances/status?jobId=${jobId}&version=${job.version}&wait=25`;
    if (at < CUTS) await site.fetch(path, { signal: AbortSignal.timeout(1) }).catch(() => undefined);
    step?.(at >= CUTS);
    const next = (await site.call(path)).json.job as JobJson;
    assert.ok(next.version > job.version);
    job = next;
  }
  return job;
}
