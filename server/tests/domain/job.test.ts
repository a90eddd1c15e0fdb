import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  etaSecondsOf,
  hasEnded,
  JOB_MOVES,
  JOB_STATUSES,
  type Job,
  type JobMove,
  type JobStatus,
  jobAsJson,
  mayMove,
  msPerRecordAfter,
  type Pace,
  progressOf,
} from '../../src/domain/job.ts';
import { stepMessage } from '../../src/domain/stepMessage.ts';
import { seededRandom } from '../support/randomness.ts';

describe('The moves of a job', () => {
  /** Written down once more by hand: the whole life of a job as SPEC promises it. */
  const ALLOWED: Record<JobStatus, JobMove[]> = {
    pending: ['started', 'abandoned', 'cancelled'],
    running: ['resumed', 'postponed', 'completed', 'failed', 'cancelled'],
    completed: [],
    failed: ['retried'],
    cancelled: ['retried'],
  };

  for (const status of JOB_STATUSES) {
    it(`from ${status} are ${ALLOWED[status].join(', ') || 'none'}`, () => {
      const moves = (Object.keys(JOB_MOVES) as JobMove[]).filter((move) => mayMove(move, status));
      assert.deepEqual(moves.sort(), [...ALLOWED[status]].sort());
    });
  }

  it('end where only a retry leads out again', () => {
    for (const status of JOB_STATUSES) {
      const waysOut = ALLOWED[status].filter((move) => move !== 'retried');
      assert.equal(hasEnded(status), waysOut.length === 0, status);
    }
  });
});

describe('Progress', () => {
  it('is 100 only when the job is completed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...JOB_STATUSES),
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (status, total, share) => {
          const progress = progressOf({ status, total, processed: Math.floor(total * share) });
          assert.ok(Number.isInteger(progress) && progress >= 0 && progress <= 100);
          assert.equal(progress === 100, status === 'completed');
        },
      ),
    );
  });

  it('is rounded down, so that it is never ahead', () => {
    assert.equal(progressOf({ status: 'running', total: 120, processed: 50 }), 41);
    assert.equal(progressOf({ status: 'running', total: 300, processed: 299 }), 99);
    assert.equal(progressOf({ status: 'running', total: 120, processed: 120 }), 99);
    assert.equal(progressOf({ status: 'pending', total: 0, processed: 0 }), 0);
  });
});

describe('The time that is left', () => {
  const TOTAL = 10_000;
  const BATCH = 100;

  it('is the rest at the pace so far, in whole seconds, rounded up', () => {
    const running = job({ status: 'running', processed: 700, total: 1_000, msPerRecord: 100 });
    assert.equal(etaSecondsOf(running), 30);
    assert.equal(etaSecondsOf({ ...running, msPerRecord: 100.1 }), 31);
  });

  it('is unknown before the first batch, and when the job is not running', () => {
    const fresh = job({ status: 'running', updatedAt: 5_000, total: 10 });
    assert.equal(etaSecondsOf(fresh), null);
    for (const status of JOB_STATUSES.filter((one) => one !== 'running')) {
      assert.equal(etaSecondsOf({ ...fresh, status, processed: 5, msPerRecord: 1 }), null);
    }
  });

  for (const msOfBatch of [1, 30, 1_000, 60_000]) {
    it(`is within 20 % of the truth on a steady job from 10 % to 90 %: batches of about ${msOfBatch} ms`, () => {
      for (let seed = 1; seed <= 20; seed += 1) {
        const random = seededRandom(seed);
        // A quarter more or less, as batches of one job differ.
        assertNear(simulate(() => msOfBatch * (0.75 + random() / 2)));
      }
    });
  }

  it('is so too where others have their turns between, while these are not few and long', () => {
    assertNear(
      simulate((processed) => (processed % (4 * BATCH) === 0 ? 2_000 : 8)),
      { from: 0.2, to: 0.75 },
    );
  });

  it('follows the job when its speed changes: three tenths of the job later, it is within 20 % again', () => {
    for (const change of [0.25, 0.5, 2, 4]) {
      assertNear(
        simulate((processed) => (processed < TOTAL / 2 ? 10_000 : 10_000 * change)),
        { from: 0.8, to: 0.9 },
      );
    }
  });

  it('begins anew with an attempt, and a batch that took no time is no mistake', () => {
    const first = { processed: 500, attemptProcessed: 500, total: 1_000, msPerRecord: null, updatedAt: 7 };
    assert.equal(msPerRecordAfter(first, { records: 50, now: 5_007 }), null);
    const before = { ...first, processed: 550 };
    assert.equal(msPerRecordAfter(before, { records: 50, now: 5_007 }), 100);
    assert.equal(msPerRecordAfter(before, { records: 50, now: 7 }), 0);
    assert.equal(msPerRecordAfter(before, { records: 50, now: 0 }), 0, 'nor is a clock that was set back');
  });

  function assertNear(steps: ReturnType<typeof simulate>, { from = 0.1, to = 0.9 } = {}): void {
    for (const { processed, left, truth } of steps) {
      if (processed < TOTAL * from || processed > TOTAL * to) continue;
      assert.ok(Math.abs(left - truth) <= 0.2 * truth, `${left} instead of ${truth} ms at ${processed}`);
    }
  }

  /** A job, batch by batch: the time that it says is left, and the time that it took from there. */
  function simulate(msOfBatch: (processed: number) => number) {
    let now = 0;
    let at: Pace = { processed: 0, attemptProcessed: 0, total: TOTAL, msPerRecord: null, updatedAt: 0 };
    const steps: { processed: number; left: number; at: number }[] = [];
    while (at.processed < TOTAL) {
      const msPerRecord = msPerRecordAfter(at, { records: BATCH, now });
      const took = msOfBatch(at.processed);
      at = { ...at, processed: at.processed + BATCH, msPerRecord, updatedAt: now };
      now += took;
      // This is when it is seen.
      steps.push({ processed: at.processed, left: (TOTAL - at.processed) * (msPerRecord ?? 0), at: now });
    }
    return steps.map(({ at: then, ...step }) => ({ ...step, truth: now - then }));
  }
});

describe('A job as JSON', () => {
  it('has the fields that were promised, and nothing of the inside', () => {
    assert.deepEqual(Object.keys(jobAsJson(job({}))), [
      'jobId',
      'type',
      'status',
      'progress',
      'processed',
      'total',
      'inserted',
      'updated',
      'unchanged',
      'rejected',
      'stepMessage',
      'error',
      'result',
      'attempt',
      'version',
      'etaSeconds',
      'createdAt',
      'startedAt',
      'updatedAt',
      'completedAt',
    ]);
  });

  it('has a result only when completed, which counts what was accepted', () => {
    const counts = { inserted: 3, updated: 2, unchanged: 4, rejected: 1, processed: 10, total: 10 };
    const completed = job({ ...counts, status: 'completed', stepMessage: 'Done.' });
    assert.deepEqual(jobAsJson(completed).result, { success: true, message: 'Done.', count: 9 });
    for (const status of JOB_STATUSES.filter((one) => one !== 'completed')) {
      assert.equal(jobAsJson({ ...completed, status }).result, null);
    }
  });

  it('gives times in ISO 8601, UTC, or null', () => {
    const { createdAt, startedAt } = jobAsJson(job({ createdAt: 1_767_225_600_123 }));
    assert.equal(createdAt, '2026-01-01T00:00:00.123Z');
    assert.equal(startedAt, null);
  });
});

describe('The sentence about a job', () => {
  it('says plainly that all records were rejected', () => {
    assert.match(
      stepMessage.completed({ inserted: 0, updated: 0, unchanged: 0, rejected: 1_200 }),
      /all 1,200 records were rejected/,
    );
  });

  it('names the rejected records only where there are some', () => {
    const counts = { inserted: 2, updated: 1, unchanged: 0, rejected: 0 };
    assert.equal(stepMessage.completed(counts), 'Done: 2 new, 1 changed, 0 unchanged.');
    assert.match(stepMessage.completed({ ...counts, rejected: 3 }), /, 3 rejected\.$/);
  });
});

function job(part: Partial<Job>): Job {
  return {
    jobId: 'a',
    siteId: 1,
    type: 'points-balances',
    status: 'pending',
    processed: 0,
    total: 0,
    inParts: null,
    expectedTotal: null,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    rejected: 0,
    mode: 'merge',
    confirmRemoval: false,
    removed: 0,
    stepMessage: '',
    error: null,
    failures: 0,
    attempt: 1,
    version: 1,
    attemptProcessed: 0,
    msPerRecord: null,
    createdAt: 0,
    startedAt: null,
    updatedAt: 0,
    completedAt: null,
    ...part,
  };
}
