/** A small job moves at least every 50 records; a large one moves at least 100 times. */
const SMALLEST = 50;
const MOVES_PER_JOB = 100;
/** Bounds the memory of a batch, the time of its transaction and so the wait of a cancel. */
const LARGEST = 10_000;

/**
 * How many records one transaction of a job may settle, for a job of `total` records. While a job is still
 * being received, `total` is what came so far: the batches grow with it and stay within what the whole allows.
 */
export function batchSizeFor(total: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.floor(total / MOVES_PER_JOB)));
}
