import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSqliteStorage } from '../../src/storage/sqliteStorage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, batchesOf, member } from '../support/batches.ts';
import { LEASE_MS, SHOP, StorageLine } from '../support/storageLine.ts';
import { temporaryFolder } from '../support/testServer.ts';

describe('a SQLite file that is opened again', () => {
  test('has all that was promised', async (t) => {
    const path = join(await temporaryFolder(t), 'artly.db');
    const first = openSqliteStorage({ path });
    const line = await StorageLine.open(first.storage);
    const { jobId } = await line.job([member(1, 1), badRecord(2)]);
    await line.run(jobId);
    const before = await everything(line, jobId);
    await first.close();
    await usingStorage(path, async (storage) => {
      const again = new StorageLine(storage, line.siteId, line.now);
      assert.deepEqual(await everything(again, jobId), before);
    });
  });

  test('was left as one file, which can be copied as it is', async (t) => {
    const folder = await temporaryFolder(t);
    for (let round = 0; round < 5; round += 1) {
      await usingStorage(join(folder, 'artly.db'), async (storage) => {
        const line = await StorageLine.open(storage);
        await line.done([member(1, 1)]);
      });
      assert.deepEqual((await readdir(folder)).sort(), ['artly.db', 'artly.db.lock']);
    }
  });

  test('frees the jobs of the worker that had it, and forgets half an upload', async (t) => {
    const path = join(await temporaryFolder(t), 'artly.db');
    const first = openSqliteStorage({ path });
    const line = await StorageLine.open(first.storage);
    const half = await line.upload();
    await line.stage(half, batchesOf([member(9, 9)]));
    const { jobId } = await line.job(Array.from({ length: 60 }, (_, at) => member(at + 1, 1)));
    await line.applyNext(await line.claimed(jobId, 'gone'));
    await first.close();
    await usingStorage(path, async (storage) => {
      const job = await storage.claim({ jobId, owner: 'next', leaseMs: LEASE_MS, now: line.now });
      assert.equal(job?.processed, 50);
      await assert.rejects(storage.accept({ jobId: half, batches: [], actor: SHOP, now: line.now }));
    });
  });
});

describe('a SQLite file that can’t be had', () => {
  test('is in use where another server has it', async (t) => {
    const path = join(await temporaryFolder(t), 'artly.db');
    await usingStorage(path, async () => {
      assert.throws(() => openSqliteStorage({ path }), { code: 'STORAGE_IN_USE' });
    });
  });

  test('is not called in use where its lock failed for another reason', async (t) => {
    const path = join(await temporaryFolder(t), 'artly.db');
    await writeFile(`${path}.lock`, 'no database, and longer than the head of one: '.repeat(30));
    assert.throws(() => openSqliteStorage({ path }), { code: 'STORAGE_DAMAGED' });
  });
});

/** Closes before the test ends, and so before its folder goes. */
async function usingStorage(path: string, use: (storage: Storage) => Promise<void>): Promise<void> {
  const { storage, close } = openSqliteStorage({ path });
  try {
    await use(storage);
  } finally {
    await close();
  }
}

async function everything(line: StorageLine, jobId: string) {
  return {
    job: await line.look(jobId),
    audit: await line.storage.listAudit({ jobId }),
    rejects: await line.storage.listRejects({ jobId, afterIndex: -1, limit: 9 }),
    balances: await line.balances(),
    sites: await line.storage.listSites({}),
  };
}
