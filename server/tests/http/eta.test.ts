import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { seededRandom } from '../support/randomness.ts';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { TestClock, VersionSpy } from './spies.ts';

const RECORDS = 100_000;
/** The job lasts many minutes then, so that whole seconds are exact enough; a batch stays under the time of a lease. */
const RECORD_MS = 10;
const random = seededRandom(4);

describe('The time that a steady job says is left', () => {
  it(`is within 20 % of what it took, from 10 % to 90 % of ${RECORDS} records`, async (test) => {
    const clock = new TestClock();
    const spy = new VersionSpy();
    const shop = await startTestServer(test, {
      clock,
      wrapStorage: (real) => spy.wrapStorage(slowed(real, clock)),
    });
    const jobId = await shop.start(members(RECORDS));
    const { completedAt } = await shop.waitFor(jobId, hasEnded);
    const seen = spy
      .of(jobId)
      .filter(({ processed }) => processed >= RECORDS / 10 && processed <= RECORDS * 0.9);
    assert.ok(seen.length >= 70, `only ${seen.length} states were seen`);
    let worst = 0;
    for (const { etaSeconds, updatedAt, processed } of seen) {
      const truth = (Date.parse(completedAt ?? '') - Date.parse(updatedAt ?? '')) / 1_000;
      const off = Math.abs((etaSeconds ?? Number.NaN) - truth) / truth;
      worst = Math.max(worst, off);
      assert.ok(off <= 0.2, `${etaSeconds} s instead of ${truth} s after ${processed} records`);
    }
    test.diagnostic(`${seen.length} states, at most ${(worst * 100).toFixed(1)} % off`);
  });
});

/** Each record takes about ten milliseconds of the clock, a quarter more or less from batch to batch. */
function slowed(real: Storage, clock: TestClock): Storage {
  let before = 0;
  return {
    ...real,
    applyNext: async (claim) => {
      const job = await real.applyNext(claim);
      const records = (job?.processed ?? before) - before;
      before += records;
      clock.move(Math.round(records * RECORD_MS * (0.75 + random() / 2)));
      return job;
    },
  };
}
