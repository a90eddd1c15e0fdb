import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JOB_MOVES, JOB_STATUSES } from '../../src/domain/job.ts';
import { codeWords, readDoc, tableRows } from './markdown.ts';

const doc = readDoc('jobStates.md');
const MOVES = Object.entries(JOB_MOVES).map(([move, { from, to }]) => ({
  move,
  from: [...from] as string[],
  to,
}));

describe('docs/jobStates.md', () => {
  it('lists every move with its states, and no other', () => {
    const listed = tableRows(doc, 'move', 'from', 'to').map(([move, from, to]) => ({
      move,
      from: from?.includes('`') ? codeWords(from) : [from],
      to,
    }));
    assert.deepEqual(listed, MOVES);
  });

  it('draws every move, and no other', () => {
    const drawn = [...doc.matchAll(/^ +(\w+) --> (\w+): (\w+)$/gm)].map(
      ([, from, to, move]) => `${move}: ${from} → ${to}`,
    );
    const known = MOVES.flatMap(({ move, from, to }) => from.map((one) => `${move}: ${one} → ${to}`));
    assert.deepEqual(drawn.sort(), known.sort());
  });

  it('says of every state what holds in it', () => {
    const states = tableRows(doc, 'state', 'what holds').map(([state]) => state);
    assert.deepEqual(states, [...JOB_STATUSES]);
  });
});
