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
  progressOf,
} from '../../src/domain/job.ts';
import { stepMessage } from '../../src/domain/stepMessage.ts';

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
  it('follows the speed of this attempt, not of an earlier one', () => {
    const running = job({ status: 'running', processed: 700, attemptProcessed: 500, total: 1_000 });
    assert.equal(etaSecondsOf({ ...running, attemptStartedAt: 0, updatedAt: 20_000 }), 30);
  });

  it('is unknown before the first batch, and when the job is not running', () => {
    const fresh = job({ status: 'running', attemptStartedAt: 0, updatedAt: 5_000, total: 10 });
    assert.equal(etaSecondsOf(fresh), null);
    for (const status of JOB_STATUSES.filter((one) => one !== 'running')) {
      assert.equal(etaSecondsOf({ ...fresh, status, processed: 5 }), null);
    }
  });
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
    attemptStartedAt: null,
    createdAt: 0,
    startedAt: null,
    updatedAt: 0,
    completedAt: null,
    ...part,
  };
}
