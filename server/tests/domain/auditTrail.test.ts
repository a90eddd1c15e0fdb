import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AuditEntry, attemptsOf } from '../../src/domain/auditTrail.ts';

const NONE = { inserted: 0, updated: 0, unchanged: 0, rejected: 0 };

describe('The attempts of a job', () => {
  it('are none before its first start, whatever became of it', () => {
    assert.deepEqual(attemptsOf([entry('created', 1), entry('cancelled', 2)], NONE), []);
  });

  it('have each their own counts, and say why they ended', () => {
    const trail = [
      entry('created', 1),
      entry('started', 2),
      entry('postponed', 3, { inserted: 50, detail: 'The database is away.' }),
      entry('resumed', 4, { inserted: 50, attempt: 2 }),
      entry('completed', 5, { inserted: 60, rejected: 5, attempt: 2, detail: 'Done.' }),
    ];
    assert.deepEqual(attemptsOf(trail, NONE), [
      {
        ...NONE,
        attempt: 1,
        startedAt: 2,
        endedAt: 3,
        outcome: 'postponed',
        reason: 'The database is away.',
        inserted: 50,
      },
      {
        ...NONE,
        attempt: 2,
        startedAt: 4,
        endedAt: 5,
        outcome: 'completed',
        reason: 'Done.',
        inserted: 10,
        rejected: 5,
      },
    ]);
  });

  it('are interrupted where the next one took over without a word of the first', () => {
    const trail = [entry('started', 2), entry('resumed', 9, { updated: 100, attempt: 2 })];
    const [first, second] = attemptsOf(trail, { ...NONE, updated: 120 });
    assert.deepEqual([first?.outcome, first?.endedAt, first?.updated], ['interrupted', 9, 100]);
    assert.deepEqual(
      [second?.outcome, second?.endedAt, second?.reason, second?.updated],
      ['running', null, null, 20],
    );
  });

  it('begin their counts anew after a retry', () => {
    const trail = [
      entry('started', 2),
      entry('cancelled', 3, { inserted: 70 }),
      entry('retried', 4, { attempt: 2 }),
      entry('started', 5, { attempt: 2 }),
      entry('failed', 6, { attempt: 2, unchanged: 70 }),
    ];
    assert.deepEqual(
      attemptsOf(trail, NONE).map(({ attempt, outcome, inserted, unchanged }) => [
        attempt,
        outcome,
        inserted,
        unchanged,
      ]),
      [
        [1, 'cancelled', 70, 0],
        [2, 'failed', 0, 70],
      ],
    );
  });
});

function entry(event: AuditEntry['event'], at: number, rest: Partial<AuditEntry> = {}): AuditEntry {
  return { at, event, actor: 'worker', ip: null, attempt: 1, detail: null, ...NONE, ...rest };
}
