import { acceptedCount, type Counts, type Job } from './job.ts';

/** What a person reads of a job: one short sentence about what is happening now. */
export const stepMessage = {
  waiting: () => 'Waiting for its turn.',
  receiving: ({ parts, total }: { parts: number; total: number }) =>
    `Receiving: ${counted(total, 'record')} in ${counted(parts, 'part')} so far.`,
  abandoned: () => 'No part and no commit came for 24 hours: start a new job.',
  /** `records`: what they are, as the type of job calls them. */
  applying: (records: string, { processed, total }: Pick<Job, 'processed' | 'total'>) =>
    `Applying ${records}: ${number(processed)} of ${number(total)}.`,
  postponed: ({ delayMs, reason }: { delayMs: number; reason: string }) =>
    `Trying again in ${Math.max(1, Math.round(delayMs / 1000))} s: ${reason}`,
  storageAway: ({ reason }: { reason: string }) => `Waiting until the storage takes writes again: ${reason}`,
  removing: ({ removed }: { removed: number }) =>
    `Removing balances that the snapshot does not have: ${number(removed)} so far.`,
  completed: (counts: Counts & Partial<Pick<Job, 'mode' | 'removed'>>) =>
    acceptedCount(counts) === 0 && counts.rejected > 0
      ? `Done, but all ${number(counts.rejected)} records were rejected: see the reasons.`
      : `Done: ${number(counts.inserted)} new, ${number(counts.updated)} changed, ${number(counts.unchanged)} unchanged${
          counts.rejected === 0 ? '' : `, ${number(counts.rejected)} rejected`
        }${counts.mode === 'snapshot' ? `, ${number(counts.removed ?? 0)} removed` : ''}.`,
  removalNotConfirmed: ({ missing, standing }: { missing: number; standing: number }) =>
    `This snapshot would remove ${number(missing)} of ${number(standing)} balances: check it, and send it with confirmRemoval=true.`,
  failed: ({ message }: { message: string }) => `Failed: ${message}`,
  cancelled: ({ processed, total }: { processed: number; total: number }) =>
    `Cancelled after ${number(processed)} of ${number(total)} records; what was applied stays.`,
};

function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
