import { type Batch, freeBatches } from '../domain/batch.ts';
import type { Upload, WholeBody } from '../intake/intake.ts';
import { REASON_NOT_KEPT, type RejectCounts } from './jobMetrics.ts';

/** Records kept in one transaction while a body comes in. */
const RECORDS_A_STAGE = 8_000;
/** Chunks of one body under way at once: while one is parsed, the next ones are there already. */
const CHUNKS_AT_ONCE = 4;

/**
 * Reads a body to its end. Reading, parsing and storing go on side by side, a few chunks ahead: what is slowest
 * holds the others back. Hands batches to `stage` whenever enough have come, and frees them when it is done with them; the last ones, which it has not
 * handed over, stand in what it gives, with why records of all of them were rejected.
 */
export async function stageBody(
  upload: Upload,
  body: AsyncIterable<Uint8Array>,
  stage: (batches: Batch[]) => Promise<void>,
): Promise<WholeBody & { rejects: RejectCounts }> {
  const parsing: Promise<Batch[]>[] = [];
  let staging: Promise<void> = Promise.resolve();
  let ready: Batch[] = [];
  const rejects = new Map<string, number>();
  try {
    for await (const chunk of body) {
      parsing.push(awaitedLater(upload.write(chunk)));
      if (parsing.length < CHUNKS_AT_ONCE) continue;
      ready.push(...((await parsing.shift()) as Batch[]));
      if (recordsIn(ready) < RECORDS_A_STAGE) continue;
      await staging;
      countRejects(ready, rejects);
      staging = awaitedLater(stageAndFree(ready, stage));
      ready = [];
    }
    for (const batches of await Promise.all(parsing)) ready.push(...batches);
    await staging;
  } catch (error) {
    await Promise.allSettled([...parsing, staging]);
    throw error;
  }
  const whole = await upload.end();
  const batches = [...ready, ...whole.batches];
  countRejects(batches, rejects);
  return { ...whole, batches, rejects };
}

async function stageAndFree(batches: Batch[], stage: (batches: Batch[]) => Promise<void>): Promise<void> {
  await stage(batches);
  freeBatches(batches);
}

/** The next round awaits it and hears of a failure then; until that it must not count as one nobody handles. */
function awaitedLater<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}

function recordsIn(batches: Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.count, 0);
}

function countRejects(batches: Batch[], counts: Map<string, number>): void {
  const add = (reason: string, count: number) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  for (const { rejects, rejectCount } of batches) {
    for (const { code } of rejects) add(code, 1);
    if (rejectCount > rejects.length) add(REASON_NOT_KEPT, rejectCount - rejects.length);
  }
}
