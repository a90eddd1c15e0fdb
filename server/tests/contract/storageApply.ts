import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { range } from '../support/batches.ts';
import { countsFor, type RecordKind } from '../support/recordKinds.ts';
import { countsOf, StorageLine } from '../support/storageLine.ts';

/** Applying batches with their progress. */
export function applyContract(storage: () => Storage, kind: RecordKind): void {
  describe('applying', () => {
    progressContract(storage, kind);
    countsContract(storage, kind);
    fencingContract(storage, kind);
  });
}

function progressContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('a job of 120 records moves to 50, 100 and 120, and then there is nothing left', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(range(1, 120).map((id) => record(id, id)));
    const claim = await line.claimed(jobId);
    let { version } = await line.look(jobId);
    for (const processed of [50, 100, 120]) {
      const job = await line.applyNext(claim);
      assert.equal(job?.processed, processed);
      assert.equal(job.inserted, processed);
      assert.ok(job.version > version, 'the version grows');
      assert.deepEqual(await line.look(jobId), job);
      assert.equal((await line.standing()).size, processed, 'progress is never ahead of the data');
      version = job.version;
    }
    assert.equal(await line.applyNext(claim), undefined);
    assert.equal((await line.look(jobId)).version, version);
  });

  test('a job of 5,000 records never moves more than 50 at once', async () => {
    const line = await StorageLine.of(kind, storage());
    const steps = await stepsOf(
      line,
      range(1, 5_000).map((id) => record(id, 1)),
    );
    assert.equal(Math.max(...steps), 50);
    assert.equal(steps.length, 100);
  });

  test('a large job moves at least 100 times, and not much more', async () => {
    const line = await StorageLine.of(kind, storage());
    const steps = await stepsOf(
      line,
      range(1, 20_000).map((id) => record(id, 1)),
    );
    assert.ok(steps.length >= 100 && steps.length <= 250, `${steps.length} moves`);
    assert.ok(Math.max(...steps) <= 200);
  });
}

function countsContract(storage: () => Storage, kind: RecordKind): void {
  const { bad, record } = kind;

  const cases: Record<string, (id: number) => number> = {
    'in a row': (id) => id,
    scattered: (id) => id * 1_000_003,
    'backwards and close': (id) => 500 - id,
    'at the far end of ids': (id) => Number.MAX_SAFE_INTEGER - id,
  };
  for (const [name, idOf] of Object.entries(cases)) {
    test(`inserted, updated and unchanged are exact for ids ${name}`, async () => {
      const line = await StorageLine.of(kind, storage());
      await line.done(range(1, 90).map((id) => record(idOf(id), 1)));
      const job = await line.done(range(31, 150).map((id) => record(idOf(id), id <= 70 ? 1 : 2)));
      assert.deepEqual(countsOf(job), countsFor(kind, { inserted: 60, updated: 20, unchanged: 40 }));
      assert.equal((await line.standing()).size, 150);
    });
  }

  test('bad records are counted as rejected, and the others go through', async () => {
    const line = await StorageLine.of(kind, storage());
    const job = await line.done([record(1, 1), bad(2), 17, record(3, 3), null]);
    assert.deepEqual(countsOf(job), countsFor(kind, { inserted: 2, rejected: 3 }));
  });

  test('a job of bad records only completes', async () => {
    const line = await StorageLine.of(kind, storage());
    const job = await line.done(range(1, 60).map(bad));
    assert.deepEqual(countsOf(job), countsFor(kind, { rejected: 60 }));
    assert.equal(job.status, 'completed');
  });

  test('of one key twice in a job one stands, in one batch and over two', async () => {
    const line = await StorageLine.of(kind, storage());
    const job = await line.done([
      ...range(1, 49).map((id) => record(id, 1)),
      record(5, 2),
      record(5, 3),
      record(6, 2),
    ]);
    // In the first batch key 5 comes twice, and one of them is unchanged. The second batch says 5 and 6 anew.
    assert.deepEqual(countsOf(job), countsFor(kind, { inserted: 49, updated: 2, unchanged: 1 }));
    const standing = await line.standing();
    assert.deepEqual([standing.get(5), standing.get(6)], kind.changes ? [3, 2] : [1, 1]);
  });

  test('the same keys at two sites have nothing to do with each other', async () => {
    const line = await StorageLine.of(kind, storage());
    const other = await StorageLine.of(kind, storage());
    await line.done([record(1, 1), record(2, 2)]);
    assert.equal((await other.done([record(1, 5), record(3, 3)])).inserted, 2);
    assert.deepEqual([...(await line.standing())].sort(), [
      [1, 1],
      [2, 2],
    ]);
  });
}

function fencingContract(storage: () => Storage, kind: RecordKind): void {
  const { record } = kind;

  test('after a cancel nothing more is applied', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(range(1, 120).map((id) => record(id, id)));
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    const cancelled = await line.cancel(jobId);
    assert.equal(await line.applyNext(claim), undefined);
    assert.deepEqual(await line.look(jobId), cancelled);
    assert.equal((await line.standing()).size, 50);
  });

  test('a claim of an attempt that isn’t the job’s applies nothing', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job([record(1, 1)]);
    assert.equal(await line.applyNext({ jobId, attempt: 1 }), undefined, 'pending');
    const job = await line.claim(jobId);
    for (const attempt of [0, 2]) assert.equal(await line.applyNext({ jobId, attempt }), undefined);
    assert.deepEqual(await line.look(jobId), job);
    assert.equal((await line.standing()).size, 0);
  });

  test('two workers with the same claim apply each batch once between them', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(range(1, 1_000).map((id) => record(id, id)));
    const claim = await line.claimed(jobId);
    const work = async () => {
      const seen: number[] = [];
      for (let job = await line.applyNext(claim); job !== undefined; job = await line.applyNext(claim)) {
        seen.push(job.processed);
      }
      return seen;
    };
    const seen = (await Promise.all([work(), work(), work()])).flat();
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      range(1, 20).map((batch) => batch * 50),
    );
    assert.equal((await line.complete(claim))?.inserted, 1_000);
  });

  test('a worker that wakes late and one that took over apply each batch once between them', async () => {
    const line = await StorageLine.of(kind, storage());
    const { jobId } = await line.job(range(1, 500).map((id) => record(id, id)));
    let claim = await line.claimed(jobId, 'worker-0');
    const late = [];
    for (let round = 1; (await line.applyNext(claim)) !== undefined; round += 1) {
      late.push(claim);
      line.now += 15_000;
      claim = await line.claimed(jobId, `worker-${round}`);
      for (const lost of late) assert.equal(await line.applyNext(lost), undefined);
    }
    const job = await line.complete(claim);
    assert.equal(job?.processed, 500);
    assert.equal(job.inserted, 500);
  });

  test('a cancel that comes between batches leaves exactly what the job says', async () => {
    const line = await StorageLine.of(kind, storage());
    for (const before of range(0, 10)) {
      // What never changes must be new each time.
      const first = kind.changes ? 1 : 1 + 500 * before;
      const { jobId } = await line.job(range(first, first + 499).map((id) => record(id, 1_000 + before)));
      const claim = await line.claimed(jobId);
      const apply = () => line.applyNext(claim);
      // All are under way at once: whatever order they come in, the job and what stands must agree.
      await Promise.all([
        ...range(1, before).map(apply),
        line.cancel(jobId),
        ...range(before, 10).map(apply),
      ]);
      const { processed, status } = await line.look(jobId);
      assert.equal(status, 'cancelled');
      const standing = [...(await line.standing()).values()].filter((value) => value === 1_000 + before);
      assert.equal(standing.length, processed);
    }
  });
}

async function stepsOf(line: StorageLine, records: unknown[]): Promise<number[]> {
  const { jobId } = await line.job(records);
  const claim = await line.claimed(jobId);
  const steps = [];
  let before = 0;
  for (let job = await line.applyNext(claim); job !== undefined; job = await line.applyNext(claim)) {
    steps.push(job.processed - before);
    before = job.processed;
  }
  assert.equal(before, records.length);
  return steps;
}
