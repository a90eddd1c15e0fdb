import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasEnded, members, startTestServer } from '../support/testServer.ts';
import { TestClock, withMethods } from './spies.ts';

/** Longer than a turn: each move of a job is the last one of its turn. */
const A_MOVE_MS = 200;

describe('A turn', () => {
  it('ends when its time is up, but not when the job is nearly done', async (test) => {
    const clock = new TestClock();
    const turns = new Map<string, number>();
    const wrapStorage = withMethods((real) => ({
      claim: async (claim) => {
        turns.set(claim.jobId, (turns.get(claim.jobId) ?? 0) + 1);
        return real.claim(claim);
      },
      applyNext: async (claim) => {
        clock.move(A_MOVE_MS);
        return real.applyNext(claim);
      },
    }));
    const shop = await startTestServer(test, { clock, wrapStorage });
    // In moves of 50: until 5,000 are left of the larger one, a turn each.
    for (const [records, expected] of [
      [5_050, 1],
      [5_200, 4],
      [5_000, 1],
      [120, 1],
    ] as const) {
      const { jobId, status } = await shop.waitFor(await shop.start(members(records)), hasEnded);
      assert.equal(status, 'completed');
      assert.equal(turns.get(jobId), expected, `${records} records`);
    }
  });
});
