/** A small job moves at least every 50 records; a large one moves at least 100 times. */
const SMALLEST = 50;
const MOVES_PER_JOB = 100;
/** Bounds the time of a move and so the wait of a cancel. */
const LARGEST = 10_000;

/**
 * How many records one move of a job may settle, for a job of `total` records. While a job is still
 * being received, `total` is what came so far: the batches grow with it and stay within what the whole allows.
 */
export function moveSizeFor(total: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.floor(total / MOVES_PER_JOB)));
}

/**
 * How many records are kept together, and so settled by one transaction, of a job of which `total` have come so far: half
 * a move, so that two connections can share one.
 */
export function batchCapacityFor(total: number): number {
  return Math.max(SMALLEST, Math.floor(moveSizeFor(total) / 2));
}
