import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, batchesOf, member, removal } from '../support/batches.ts';
import { countsOf, StorageLine } from '../support/storageLine.ts';

/** Applying batches with their progress. */
export function applyContract(storage: () => Storage): void {
  describe('applying', () => {
    progressContract(storage);
    countsContract(storage);
    exactnessContract(storage);
    fencingContract(storage);
  });
}

function progressContract(storage: () => Storage): void {
  test('a job of 120 records moves to 50, 100 and 120, and then there is nothing left', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(range(1, 120).map((id) => member(id, id)));
    const claim = await line.claimed(jobId);
    let { version } = await line.look(jobId);
    for (const processed of [50, 100, 120]) {
      const job = await line.applyNext(claim);
      assert.equal(job?.processed, processed);
      assert.equal(job.inserted, processed);
      assert.ok(job.version > version, 'the version grows');
      assert.deepEqual(await line.look(jobId), job);
      assert.equal((await line.balances()).size, processed, 'progress is never ahead of the data');
      version = job.version;
    }
    assert.equal(await line.applyNext(claim), undefined);
    assert.equal((await line.look(jobId)).version, version);
  });

  test('a job of 5,000 records never moves more than 50 at once', async () => {
    const line = await StorageLine.open(storage());
    const steps = await stepsOf(
      line,
      range(1, 5_000).map((id) => member(id, 1)),
    );
    assert.equal(Math.max(...steps), 50);
    assert.equal(steps.length, 100);
  });

  test('a large job moves at least 100 times, and not much more', async () => {
    const line = await StorageLine.open(storage());
    const steps = await stepsOf(
      line,
      range(1, 20_000).map((id) => member(id, 1)),
    );
    assert.ok(steps.length >= 100 && steps.length <= 250, `${steps.length} moves`);
    assert.ok(Math.max(...steps) <= 200);
  });
}

function countsContract(storage: () => Storage): void {
  const cases: Record<string, (id: number) => number> = {
    'in a row': (id) => id,
    scattered: (id) => id * 1_000_003,
    'backwards and close': (id) => 500 - id,
    'at the far end of ids': (id) => Number.MAX_SAFE_INTEGER - id,
  };
  for (const [name, idOf] of Object.entries(cases)) {
    test(`inserted, updated and unchanged are exact for ids ${name}`, async () => {
      const line = await StorageLine.open(storage());
      await line.done(range(1, 90).map((id) => member(idOf(id), 1)));
      const job = await line.done(range(31, 150).map((id) => member(idOf(id), id <= 70 ? 1 : 2)));
      assert.deepEqual(countsOf(job), {
        processed: 120,
        inserted: 60,
        updated: 20,
        unchanged: 40,
        rejected: 0,
      });
      assert.equal((await line.balances()).size, 150);
    });
  }

  test('a changed address alone is an update, and is kept', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 5)]);
    const job = await line.done([{ wp_user_id: 1, email: 'new@shop.example', points_balance: 5 }]);
    assert.equal(job.updated, 1);
    const { siteId } = line;
    assert.equal((await storage().findBalances({ siteId, wpUserId: 1 }))[0]?.email, 'new@shop.example');
  });

  test('a member has one balance a type of points, in one batch and in several', async () => {
    const line = await StorageLine.open(storage());
    const first = await line.done([
      member(1, 1),
      member(1, 2, 'gold'),
      member(1, 3, 'Gold'),
      member(2, 4, 'gold'),
    ]);
    assert.equal(first.inserted, 4);
    const second = await line.done([member(1, 1), member(1, 9, 'gold'), member(2, 4)]);
    assert.deepEqual(countsOf(second), { processed: 3, inserted: 1, updated: 1, unchanged: 1, rejected: 0 });
    assert.deepEqual(
      await line.balances(),
      new Map([
        ['1 Gold', 30_000n],
        ['1 gold', 90_000n],
        ['1 points', 10_000n],
        ['2 gold', 40_000n],
        ['2 points', 40_000n],
      ]),
    );
  });

  test('what small batches of one move say of the same members counts in their order', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 7)]);
    const jobId = await line.upload();
    // As they come at the start of a large job, when nobody knows yet how large it is.
    const small = [
      range(1, 50).map((id) => member(id, 1)),
      range(51, 100).map((id) => (id <= 60 ? removal(id - 50) : member(id, 2))),
      range(1, 50).map((id) => member(id, id <= 5 ? 3 : 1)),
      [...range(101, 140).map((id) => member(id, 4)), ...range(1, 10).map((id) => member(id, 5, 'gold'))],
      range(141, 190).map((id) => member(id, 6)),
    ];
    for (const records of small) await line.stage(jobId, batchesOf(records));
    await line.accept(
      jobId,
      Array.from({ length: 30_000 }, () => null),
    );
    const claim = await line.claimed(jobId);
    const job = await line.applyNext(claim);
    assert.deepEqual(job && countsOf(job), {
      processed: 300,
      inserted: 49 + 40 + 10 + 40 + 10 + 50,
      updated: 1 + 10,
      unchanged: 40,
      rejected: 50,
    });
    const balances = await line.balances();
    assert.equal(balances.size, 50 + 40 + 90 + 10);
    assert.deepEqual(
      ['1 points', '6 points', '11 points', '61 points', '101 points', '1 gold', '190 points'].map((key) =>
        balances.get(key),
      ),
      [30_000n, 10_000n, 10_000n, 20_000n, 40_000n, 50_000n, 60_000n],
    );
  });

  test('a removal is an update where there was a balance, else unchanged', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, 1), member(2, 2), member(2, 2, 'gold')]);
    const job = await line.done([
      removal(1),
      removal(2, 'gold'),
      removal(3),
      removal(1, 'gold'),
      member(4, 4),
    ]);
    assert.deepEqual(countsOf(job), { processed: 5, inserted: 1, updated: 2, unchanged: 2, rejected: 0 });
    assert.deepEqual([...(await line.balances()).keys()], ['2 points', '4 points']);
    const again = await line.done([removal(1), removal(2)]);
    assert.deepEqual(countsOf(again), { processed: 2, inserted: 0, updated: 1, unchanged: 1, rejected: 0 });
  });

  test('a balance that comes back after its removal is inserted', async () => {
    const line = await StorageLine.open(storage());
    await line.done(range(1, 20).map((id) => member(id, 1)));
    await line.done(range(1, 10).map((id) => removal(id)));
    assert.equal((await line.done(range(1, 20).map((id) => member(id, 1)))).inserted, 10);
    await line.done([removal(7)]);
    assert.equal((await line.done([member(7, 1), member(70_000, 1)])).inserted, 2);
    assert.equal((await line.balances()).size, 21);
  });

  test('bad records are counted as rejected, and the others go through', async () => {
    const line = await StorageLine.open(storage());
    const job = await line.done([member(1, 1), badRecord(2), 17, member(3, 3), null, removal(9)]);
    assert.deepEqual(countsOf(job), { processed: 6, inserted: 2, updated: 0, unchanged: 1, rejected: 3 });
  });

  test('a job of bad records only completes', async () => {
    const line = await StorageLine.open(storage());
    const job = await line.done(range(1, 60).map(badRecord));
    assert.deepEqual(countsOf(job), { processed: 60, inserted: 0, updated: 0, unchanged: 0, rejected: 60 });
    assert.equal(job.status, 'completed');
  });

  test('of one member and type twice in a job the later stands, in one batch and over two', async () => {
    const line = await StorageLine.open(storage());
    const job = await line.done([
      ...range(1, 49).map((id) => member(id, 1)),
      member(5, 2),
      member(5, 3),
      removal(6),
    ]);
    // In the first batch member 5 comes twice: the earlier is unchanged. The second batch changes 5 and 6.
    assert.deepEqual(countsOf(job), { processed: 52, inserted: 49, updated: 2, unchanged: 1, rejected: 0 });
    const balances = await line.balances();
    assert.equal(balances.get('5 points'), 30_000n);
    assert.equal(balances.has('6 points'), false);
  });

  test('the same members at two sites have nothing to do with each other', async () => {
    const line = await StorageLine.open(storage());
    const other = await StorageLine.open(storage());
    await line.done([member(1, 1), member(2, 2)]);
    assert.equal((await other.done([member(1, 5), removal(2)])).inserted, 1);
    assert.equal((await line.balances()).get('1 points'), 10_000n);
    assert.equal((await line.balances()).size, 2);
  });
}

function exactnessContract(storage: () => Storage): void {
  const exact: Record<string, bigint> = {
    '922337203685477.5807': 2n ** 63n - 1n,
    '-922337203685477.5808': -(2n ** 63n),
    '900719925474.0993': 9_007_199_254_740_993n,
    '0.0001': 1n,
    '-0.0001': -1n,
    '12.30': 123_000n,
    '1e3': 10_000_000n,
    '0': 0n,
  };

  test('balances are exact, to both ends of 64 bits', async () => {
    const line = await StorageLine.open(storage());
    const texts = Object.keys(exact);
    await line.done(texts.map((text, at) => member(at + 1, text)));
    const expected = texts.map((text, at) => [`${at + 1} points`, exact[text]]);
    assert.deepEqual([...(await line.balances())], expected);
    const { siteId } = line;
    const found = await Promise.all(
      texts.map((_, at) => storage().findBalances({ siteId, wpUserId: at + 1 })),
    );
    assert.deepEqual(
      found.map(([balance]) => balance?.tenThousandths),
      Object.values(exact),
    );
  });

  test('a balance that differs in its last ten-thousandth only is an update', async () => {
    const line = await StorageLine.open(storage());
    await line.done([member(1, '922337203685477.5807'), member(2, '900719925474.0993')]);
    const same = await line.done([member(1, '922337203685477.5807'), member(2, '900719925474.0993')]);
    assert.equal(same.unchanged, 2);
    const job = await line.done([member(1, '922337203685477.5806'), member(2, '900719925474.0992')]);
    assert.equal(job.updated, 2);
    assert.equal((await line.balances()).get('1 points'), 2n ** 63n - 2n);
  });

  test('texts are kept as they came', async () => {
    const line = await StorageLine.open(storage());
    const odd = `"'\\ ☂ ${'😀'.repeat(20)}`;
    await line.done([
      { wp_user_id: 1, email: 'o’hara"\\@müller.example', points_balance: 1, points_type: odd },
    ]);
    const { siteId } = line;
    assert.deepEqual(await storage().findBalances({ siteId, wpUserId: 1 }), [
      { wpUserId: 1, email: 'o’hara"\\@müller.example', pointsType: odd, tenThousandths: 10_000n },
    ]);
  });
}

function fencingContract(storage: () => Storage): void {
  test('after a cancel nothing more is applied', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(range(1, 120).map((id) => member(id, id)));
    const claim = await line.claimed(jobId);
    await line.applyNext(claim);
    const cancelled = await line.cancel(jobId);
    assert.equal(await line.applyNext(claim), undefined);
    assert.deepEqual(await line.look(jobId), cancelled);
    assert.equal((await line.balances()).size, 50);
  });

  test('a claim of an attempt that isn’t the job’s applies nothing', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job([member(1, 1)]);
    assert.equal(await line.applyNext({ jobId, attempt: 1 }), undefined, 'pending');
    const job = await line.claim(jobId);
    for (const attempt of [0, 2]) assert.equal(await line.applyNext({ jobId, attempt }), undefined);
    assert.deepEqual(await line.look(jobId), job);
    assert.equal((await line.balances()).size, 0);
  });

  test('two workers with the same claim apply each batch once between them', async () => {
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(range(1, 1_000).map((id) => member(id, id)));
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
    const line = await StorageLine.open(storage());
    const { jobId } = await line.job(range(1, 500).map((id) => member(id, id)));
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
    const line = await StorageLine.open(storage());
    for (const before of range(0, 10)) {
      const { jobId } = await line.job(range(1, 500).map((id) => member(id, 1_000 + before)));
      const claim = await line.claimed(jobId);
      const apply = () => line.applyNext(claim);
      // All are under way at once: whatever order they come in, the job and its balances must agree.
      await Promise.all([
        ...range(1, before).map(apply),
        line.cancel(jobId),
        ...range(before, 10).map(apply),
      ]);
      const { processed, status } = await line.look(jobId);
      assert.equal(status, 'cancelled');
      const value = (1_000n + BigInt(before)) * 10_000n;
      const standing = [...(await line.balances()).values()].filter((balance) => balance === value);
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

/** Whole numbers, both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
