import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Queue, TurnHandler } from '../../src/queue/queue.ts';
import { type ContractRun, contractRun } from './contractRun.ts';

/** A queue and the errors that it told. */
export interface OpenQueue {
  queue: Queue;
  errors: { error: unknown; jobId: string }[];
}

/** Every promise of the queue port, as tests. Each adapter calls this once; `open` opens an empty queue. */
export function syncQueueContract(name: string, open: () => Promise<OpenQueue>): ContractRun {
  return contractRun(`queue on ${name}`, () => {
    deliveryContract(open);
    lineContract(open);
    holderContract(open);
    failureContract(open);
    stopContract(open);
  });
}

function deliveryContract(open: () => Promise<OpenQueue>): void {
  test('what was sent gets a turn, whether it was sent before the work began or after', async (t) => {
    const { queue } = await opened(t, open);
    const [early, late] = [randomUUID(), randomUUID()];
    const turns = new Turns();
    await queue.send(early);
    await queue.work(turns.handler);
    await turns.reach(1);
    await queue.send(late);
    await turns.reach(2);
    assert.deepEqual(turns.jobIds, [early, late]);
  });

  test('a job that was sent often gets a turn after the last sending', async (t) => {
    const { queue } = await opened(t, open);
    const [jobId, last] = [randomUUID(), randomUUID()];
    const turns = new Turns();
    for (let at = 0; at < 5; at += 1) await queue.send(jobId);
    await queue.send(last);
    await queue.work(turns.handler);
    await turns.until(() => turns.jobIds.includes(last) && turns.jobIds.includes(jobId));
    assert.ok(turns.countOf(jobId) <= 5);
  });

  test('a job that is sent during its own turn gets another', async (t) => {
    const { queue } = await opened(t, open);
    const jobId = randomUUID();
    const turns = new Turns(async () => {
      if (turns.jobIds.length === 1) await queue.send(jobId);
      return 'done';
    });
    await queue.work(turns.handler);
    await queue.send(jobId);
    await turns.reach(2);
    assert.deepEqual(turns.jobIds, [jobId, jobId]);
  });

  test('a job that is sent while the last turn is ending gets its turn', async (t) => {
    // However many steps after the end of the turn it comes: there must be no moment in which a job is lost.
    for (let steps = 0; steps < 12; steps += 1) {
      const { queue } = await opened(t, open);
      const [first, second] = [randomUUID(), randomUUID()];
      const end = Promise.withResolvers<'done'>();
      const turns = new Turns(({ jobId }) => (jobId === first ? end.promise : Promise.resolve('done')));
      await queue.work(turns.handler);
      await queue.send(first);
      await turns.reach(1);
      end.resolve('done');
      for (let step = 0; step < steps; step += 1) await undefined;
      await queue.send(second);
      await turns.until(() => turns.jobIds.includes(second), `sent ${steps} steps after the end of a turn`);
    }
  });

  test('a delayed job gets its turn after the delay', async (t) => {
    const { queue } = await opened(t, open);
    const [delayed, prompt] = [randomUUID(), randomUUID()];
    const turns = new Turns();
    await queue.work(turns.handler);
    const sentAt = performance.now();
    await queue.send(delayed, { delayMs: 120 });
    await queue.send(prompt);
    await turns.until(() => turns.jobIds.includes(delayed));
    assert.ok(performance.now() - sentAt >= 115, 'not before its time');
    assert.deepEqual(turns.jobIds, [prompt, delayed]);
  });

  test('a delay doesn’t hold back the same job when it is sent at once', async (t) => {
    const { queue } = await opened(t, open);
    const jobId = randomUUID();
    const turns = new Turns();
    await queue.work(turns.handler);
    await queue.send(jobId, { delayMs: 3_600_000 });
    await queue.send(jobId);
    await turns.reach(1);
  });
}

function lineContract(open: () => Promise<OpenQueue>): void {
  test('a job that wants another turn goes to the back of the line', async (t) => {
    const { queue } = await opened(t, open);
    const [big, small] = [randomUUID(), randomUUID()];
    const begun = Promise.withResolvers<void>();
    const smallSent = Promise.withResolvers<void>();
    const turns = new Turns(async ({ jobId }) => {
      if (jobId === small) return 'done';
      begun.resolve();
      await smallSent.promise;
      return turns.countOf(big) < 4 ? 'again' : 'done';
    });
    await queue.work(turns.handler);
    await queue.send(big);
    await begun.promise;
    await queue.send(small);
    smallSent.resolve();
    await turns.until(() => turns.countOf(big) === 4 && turns.countOf(small) === 1);
    assert.equal(turns.jobIds.indexOf(small), 1, turns.jobIds.join(' '));
  });

  test('two big jobs take turns', async (t) => {
    const { queue } = await opened(t, open);
    const [one, two] = [randomUUID(), randomUUID()];
    const turns = new Turns(async ({ jobId }) => (turns.countOf(jobId) < 5 ? 'again' : 'done'));
    await queue.send(one);
    await queue.send(two);
    await queue.work(turns.handler);
    await turns.until(() => turns.countOf(one) === 5 && turns.countOf(two) === 5);
    // Neither is ever more than one turn ahead.
    for (let at = 1; at <= 10; at += 1) {
      const ones = turns.jobIds.slice(0, at).filter((jobId) => jobId === one).length;
      assert.ok(Math.abs(2 * ones - at) <= 1, `after ${at} turns`);
    }
  });
}

function holderContract(open: () => Promise<OpenQueue>): void {
  test('a job keeps its holder as long as it wants another turn, also when it is sent meanwhile', async (t) => {
    const { queue } = await opened(t, open);
    const jobId = randomUUID();
    const turns = new Turns(async () => {
      await queue.send(jobId);
      return turns.jobIds.length < 4 ? 'again' : 'done';
    });
    await queue.send(jobId);
    await queue.work(turns.handler);
    await turns.reach(4);
    assert.equal(new Set(turns.holders.slice(0, 4)).size, 1);
  });

  test('each new message has a holder of its own', async (t) => {
    const { queue } = await opened(t, open);
    const jobId = randomUUID();
    const turns = new Turns();
    await queue.work(turns.handler);
    await queue.send(jobId);
    await turns.reach(1);
    await queue.send(jobId);
    await turns.reach(2);
    assert.notEqual(turns.holders[0], turns.holders[1]);
  });

  test('a job never has two turns at once', async (t) => {
    const { queue } = await opened(t, open);
    const jobIds = [randomUUID(), randomUUID(), randomUUID()];
    const now = new Set<string>();
    let doubled = false;
    const turns = new Turns(async ({ jobId }) => {
      doubled ||= now.has(jobId);
      now.add(jobId);
      for (const sent of jobIds) await queue.send(sent);
      now.delete(jobId);
      return turns.jobIds.length < 30 ? 'again' : 'done';
    });
    await queue.work(turns.handler);
    for (const jobId of jobIds) await queue.send(jobId);
    await turns.reach(30);
    assert.equal(doubled, false);
  });
}

function failureContract(open: () => Promise<OpenQueue>): void {
  test('a handler that throws costs its own turn only, and the error is told', async (t) => {
    const { queue, errors } = await opened(t, open);
    const [bad, good] = [randomUUID(), randomUUID()];
    const problem = new Error('This turn failed.');
    const turns = new Turns(async ({ jobId }) => {
      if (jobId === bad && turns.countOf(bad) === 1) throw problem;
      return 'done';
    });
    await queue.send(bad);
    await queue.send(good);
    await queue.work(turns.handler);
    await turns.until(() => turns.jobIds.includes(good));
    await queue.send(bad);
    await turns.until(() => turns.countOf(bad) >= 2);
    assert.deepEqual(errors[0], { error: problem, jobId: bad });
    assert.equal(errors.length, 1);
  });
}

function stopContract(open: () => Promise<OpenQueue>): void {
  test('stop aborts the turn in hand, waits for it, and takes no further job', async () => {
    const { queue } = await open();
    const [running, waiting, delayed] = [randomUUID(), randomUUID(), randomUUID()];
    const aborted = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const turns = new Turns(async ({ signal }) => {
      signal.addEventListener('abort', () => aborted.resolve());
      await mayEnd.promise;
      return 'again';
    });
    await queue.work(turns.handler);
    await queue.send(running);
    await turns.reach(1);
    await queue.send(waiting);
    await queue.send(delayed, { delayMs: 1 });
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    await aborted.promise;
    await settle();
    assert.equal(stopped, false, 'it waits for the turn');
    mayEnd.resolve();
    await stopping;
    await queue.send(waiting).catch(() => undefined);
    await settle();
    assert.deepEqual(turns.jobIds, [running]);
  });

  test('stop of an idle queue resolves', async () => {
    const { queue } = await open();
    await queue.work(async () => 'done');
    await queue.stop();
  });
}

/** A moment in which all that could happen by mistake would happen. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30));
}

async function opened(t: { after(done: () => Promise<void>): void }, open: () => Promise<OpenQueue>) {
  const it = await open();
  t.after(() => it.queue.stop());
  return it;
}

/** Notes whose turn it was, and tells who waits for that. */
class Turns {
  readonly jobIds: string[] = [];
  readonly holders: string[] = [];
  readonly handler: TurnHandler;
  readonly #waiting = new Set<() => void>();

  constructor(work: TurnHandler = async () => 'done') {
    this.handler = (turn) => {
      this.jobIds.push(turn.jobId);
      this.holders.push(turn.holder);
      for (const look of this.#waiting) look();
      return work(turn);
    };
  }

  countOf(jobId: string): number {
    return this.jobIds.filter((seen) => seen === jobId).length;
  }

  reach(count: number): Promise<void> {
    return this.until(() => this.jobIds.length >= count);
  }

  /** Resolves when `done` says so after a turn began; rejects when that takes longer than any queue needs. */
  async until(done: () => boolean, when = 'sent'): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const look = () => {
      if (done()) reached.resolve();
    };
    const tooLong = setTimeout(
      () => reached.reject(new Error(`A job got no turn that was ${when}.`)),
      PATIENCE_MS,
    );
    this.#waiting.add(look);
    look();
    try {
      await reached.promise;
    } finally {
      clearTimeout(tooLong);
      this.#waiting.delete(look);
    }
  }
}

const PATIENCE_MS = 10_000;
