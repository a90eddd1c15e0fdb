import { acceptedCount, type Counts } from './job.ts';

/** What a person reads of a job: one short sentence about what is happening now. */
export const stepMessage = {
  waiting: () => 'Waiting for its turn.',
  applying: ({ processed, total }: { processed: number; total: number }) =>
    `Applying balances: ${number(processed)} of ${number(total)}.`,
  postponed: ({ delayMs, reason }: { delayMs: number; reason: string }) =>
    `Trying again in ${Math.max(1, Math.round(delayMs / 1000))} s: ${reason}`,
  completed: (counts: Counts) =>
    acceptedCount(counts) === 0
      ? `Done, but all ${number(counts.rejected)} records were rejected: see the reasons.`
      : `Done: ${number(counts.inserted)} new, ${number(counts.updated)} changed, ${number(counts.unchanged)} unchanged${
          counts.rejected === 0 ? '' : `, ${number(counts.rejected)} rejected`
        }.`,
  failed: ({ message }: { message: string }) => `Failed: ${message}`,
  cancelled: ({ processed, total }: { processed: number; total: number }) =>
    `Cancelled after ${number(processed)} of ${number(total)} records; what was applied stays.`,
};

function number(value: number): string {
  return value.toLocaleString('en-US');
}
