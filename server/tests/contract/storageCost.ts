import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { member, removal } from '../support/batches.ts';
import { StorageLine } from '../support/storageLine.ts';

/** Balances of a large site here: enough that looking at all of them for each record would show. */
const MANY = 20_000;
/** What is quick is not measured well, so this is added to the time that is compared with, in milliseconds. */
const BLUR_MS = 50;
const FACTOR = 10;

/** A batch costs by its own records, not by the balances that the site has. */
export function costContract(storage: () => Storage): void {
  const scattered = Array.from({ length: 300 }, (_, at) => 7 + at * 1_009);
  const jobs: Record<string, object[]> = {
    'of scattered ids': scattered.map((id) => member(id, 1)),
    'of several types of points': scattered.flatMap((id) => [member(id, 1), member(id, 2, 'gold')]),
    'of removals': scattered.map((id) => removal(id)),
  };

  describe('cost', () => {
    for (const [name, records] of Object.entries(jobs)) {
      test(`a job ${name} takes about as long at a large site as at a new one`, async () => {
        await assertAsQuick(storage(), records, async () => {});
      });

      test(`and so does one ${name} while an older job could be retried`, async () => {
        await assertAsQuick(storage(), records, async (line) => {
          await line.cancel((await line.job([member(1, 1)])).jobId);
        });
      });
    }
  });
}

async function assertAsQuick(
  storage: Storage,
  records: object[],
  prepare: (line: StorageLine) => Promise<void>,
): Promise<void> {
  const fresh = await StorageLine.open(storage);
  const large = await StorageLine.open(storage);
  await large.done(Array.from({ length: MANY }, (_, at) => member(at * 15 + 1, 5)));
  const took = [];
  for (const line of [fresh, large]) {
    await prepare(line);
    const { jobId } = await line.job(records);
    const from = performance.now();
    await line.run(jobId);
    took.push(performance.now() - from);
  }
  const [atFresh = 0, atLarge = 0] = took;
  const told = `${Math.round(atFresh)} ms at a new site, ${Math.round(atLarge)} ms at a large one`;
  assert.ok(atLarge <= FACTOR * (atFresh + BLUR_MS), told);
}
