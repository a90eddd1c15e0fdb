import assert from 'node:assert/strict';
import { JOB_MOVES, type JobStatus } from '../../src/domain/job.ts';
import type { JobJson } from './testServer.ts';

/** Sees one job again and again, and fails when it breaks a rule that holds in every state. */
export class JobWatch {
  #last: JobJson | undefined;
  seen = 0;

  /** `job` must be read after the one seen before. */
  readonly see = (job: JobJson): void => {
    this.seen += 1;
    assert.equal(
      job.inserted + job.updated + job.unchanged + job.rejected,
      job.processed,
      'the counts add up to processed',
    );
    assert.ok(Number.isInteger(job.progress) && job.progress >= 0 && job.progress <= 100);
    assert.equal(job.progress === 100, job.status === 'completed', '100 % only when completed');
    if (this.#last !== undefined) assertMayFollow(this.#last, job);
    this.#last = job;
  };

  get last(): JobJson {
    assert.ok(this.#last, 'the job was never seen');
    return this.#last;
  }
}

function assertMayFollow(before: JobJson, after: JobJson): void {
  assert.equal(after.jobId, before.jobId);
  assert.ok(after.version >= before.version, `version fell from ${before.version} to ${after.version}`);
  if (after.version === before.version) {
    assert.deepEqual(after, before, 'a change raises the version');
    return;
  }
  assert.ok(after.attempt >= before.attempt, `attempt fell from ${before.attempt} to ${after.attempt}`);
  const sameAttempt = after.attempt === before.attempt;
  assert.ok(mayBecome(before.status, after.status, sameAttempt), `${before.status} became ${after.status}`);
  if (!sameAttempt) return;
  assert.ok(
    after.processed >= before.processed,
    `processed fell from ${before.processed} to ${after.processed}`,
  );
}

/** Whether moves of the table lead there; within one attempt, only those that don't begin a new one. */
function mayBecome(from: JobStatus, to: JobStatus, sameAttempt: boolean): boolean {
  const reached = new Set<JobStatus>([from]);
  for (const state of reached) {
    for (const [name, move] of Object.entries(JOB_MOVES)) {
      if (sameAttempt && name === 'retried') continue;
      if ((move.from as readonly JobStatus[]).includes(state)) reached.add(move.to);
    }
  }
  return reached.has(to);
}

/** Fails unless this audit trail is a walk through the table of moves that ends in `status`. */
export function assertAllowedWalk(events: string[], status: JobStatus): void {
  const [birth, ...rest] = events;
  assert.equal(birth, 'created');
  // A job in parts is committed before it begins to move.
  const moves = rest[0] === 'committed' ? rest.slice(1) : rest;
  let at: JobStatus = 'pending';
  for (const event of moves) {
    const move = JOB_MOVES[event as keyof typeof JOB_MOVES];
    assert.ok(move, `${event} is no move`);
    assert.ok((move.from as readonly JobStatus[]).includes(at), `${event} from ${at}: ${events.join(', ')}`);
    at = move.to;
  }
  assert.equal(at, status, events.join(', '));
}
