import type { AuditEvent, Counts } from './job.ts';

/** Who did what to a job, when and from where, with what the job had settled by then. */
export interface AuditEntry extends Counts {
  at: number;
  event: AuditEvent;
  actor: string;
  ip: string | null;
  attempt: number;
  detail: string | null;
}

/** How an attempt ended. `interrupted`: its worker was gone, or had to stop, and the next attempt took over. */
type AttemptOutcome = 'running' | 'postponed' | 'interrupted' | 'completed' | 'failed' | 'cancelled';

/** What one attempt did, and why it ended. Times are milliseconds since 1970, UTC; the counts are its own alone. */
export interface Attempt extends Counts {
  attempt: number;
  startedAt: number;
  endedAt: number | null;
  outcome: AttemptOutcome;
  reason: string | null;
}

/** The attempts of a job, in their order, as its trail tells of them. */
export function attemptsOf(trail: AuditEntry[], job: Counts): Attempt[] {
  const attempts: Attempt[] = [];
  let open: AuditEntry | undefined;
  for (const entry of trail) {
    if (entry.event === 'started' || entry.event === 'resumed') {
      if (open !== undefined)
        attempts.push(ended(open, { ...entry, outcome: 'interrupted', detail: TAKEN_OVER }));
      open = entry;
    } else if (open !== undefined && isEnd(entry.event)) {
      attempts.push(ended(open, { ...entry, outcome: entry.event }));
      open = undefined;
    }
  }
  if (open !== undefined)
    attempts.push({ ...ended(open, { ...open, ...countsOf(job), outcome: 'running' }), ...STILL });
  return attempts;
}

const TAKEN_OVER = 'Its worker stopped or was gone: the next attempt took over.';
const STILL = { endedAt: null, reason: null };
type End = 'postponed' | 'completed' | 'failed' | 'cancelled';

function isEnd(event: AuditEvent): event is End {
  return event === 'postponed' || event === 'completed' || event === 'failed' || event === 'cancelled';
}

function ended(begin: AuditEntry, end: Omit<AuditEntry, 'event'> & { outcome: AttemptOutcome }): Attempt {
  return {
    attempt: begin.attempt,
    startedAt: begin.at,
    endedAt: end.at,
    outcome: end.outcome,
    reason: end.detail,
    inserted: end.inserted - begin.inserted,
    updated: end.updated - begin.updated,
    unchanged: end.unchanged - begin.unchanged,
    rejected: end.rejected - begin.rejected,
  };
}

function countsOf({ inserted, updated, unchanged, rejected }: Counts): Counts {
  return { inserted, updated, unchanged, rejected };
}
