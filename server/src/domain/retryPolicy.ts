const FIRST_PAUSE_MS = 1_000;
const GROWTH = 3;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The pause before a job is tried again after its nth passing failure in a row (n from 1), in milliseconds.
 * It grows threefold up to a minute; `random` (0 to 1) spreads jobs that failed together over the second
 * half of the pause, so that they don't all come back at once.
 */
export function delayBeforeRetry(failures: number, random: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * GROWTH ** (failures - 1));
  return Math.round(full * (0.5 + random / 2));
}
