import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { PostgresDatabase } from '../../src/storage/postgresDatabase.ts';
import { lockedRow } from '../../src/storage/postgresJobRow.ts';
import { openPostgresStorage } from '../../src/storage/postgresStorage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { badRecord, batchesOf, member } from '../support/batches.ts';
import { PostgresServer, query } from '../support/postgresServer.ts';
import { SmallDisk } from '../support/smallDisk.ts';
import { LEASE_MS, StorageLine } from '../support/storageLine.ts';

const CONNECTIONS = 60;
let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start({ settings: ['-c', `max_connections=${CONNECTIONS}`] });
});
after(() => server.remove());

describe('a PostgreSQL database', () => {
  test('is made once when ten processes start at once', async () => {
    const url = await server.database();
    const opened = await Promise.all(
      Array.from({ length: 10 }, () => openPostgresStorage({ url, poolSize: 2 })),
    );
    const sites = await Promise.all(
      opened.map(({ storage }, at) => storage.ensureSite({ url: `https://${at % 2}.example`, now: 1 })),
    );
    assert.deepEqual(new Set(sites.map(({ siteId }) => siteId)).size, 2);
    await Promise.all(opened.map(({ close }) => close()));
    const rows = await query(url, 'SELECT version FROM artly.schema_version');
    assert.equal(rows.length, 1);
  });

  test('is refused when a newer program made it', async () => {
    const url = await server.database();
    await usingStorage({ url }, async () => undefined);
    await query(url, 'UPDATE artly.schema_version SET version = version + 1');
    await assert.rejects(openPostgresStorage({ url }), { code: 'STORAGE_TOO_NEW' });
  });

  test('has all that was promised when it is opened again', async () => {
    const url = await server.database();
    const before = await usingStorage({ url }, async (storage) => {
      const line = await StorageLine.open(storage);
      const { jobId } = await line.job([member(1, 1), badRecord(2)]);
      await line.run(jobId);
      return { line, jobId, all: await everything(line, jobId) };
    });
    await usingStorage({ url }, async (storage) => {
      const line = new StorageLine(storage, before.line.siteId, before.line.now);
      assert.deepEqual(await everything(line, before.jobId), before.all);
    });
  });

  test('is worked on by several processes, each batch applied once', async () => {
    const url = await server.database();
    const opened = await Promise.all(Array.from({ length: 4 }, () => openPostgresStorage({ url })));
    const [first, ...others] = opened.map(({ storage }) => storage) as [Storage, ...Storage[]];
    const line = await StorageLine.open(first);
    const { jobId } = await line.job(Array.from({ length: 2_000 }, (_, at) => member(at + 1, at)));
    const claim = await line.claimed(jobId);
    const work = async (storage: Storage) => {
      while ((await storage.applyNext({ ...claim, leaseMs: LEASE_MS, now: line.now })) !== undefined);
    };
    await Promise.all([first, ...others].map(work));
    assert.equal((await line.complete(claim))?.inserted, 2_000);
    await Promise.all(opened.map(({ close }) => close()));
  });

  test('leaves nothing behind in a connection that another may be given', async () => {
    const url = await server.database();
    await usingStorage({ url }, async (storage) => {
      const line = await StorageLine.open(storage);
      await line.done([member(1, 1)]);
      const [left] = await query(
        url,
        `SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND database =
           (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      assert.equal(Number(left?.locks), 0);
    });
    const db = new PostgresDatabase({ url, poolSize: 1 });
    await db.transaction((tx) => tx.run('SELECT 1'));
    const row = await db.get(
      `SELECT current_setting('statement_timeout') AS timeout, (SELECT count(*) FROM pg_prepared_statements) AS kept`,
    );
    assert.deepEqual(row, { timeout: '0', kept: 0 });
    await db.close();
  });
});

describe('a PostgreSQL that fails', () => {
  test('is away while it is stopped, and there again without a new start', async (t) => {
    const own = await PostgresServer.start();
    t.after(() => own.remove());
    await usingStorage({ url: await own.database() }, async (storage) => {
      const line = await StorageLine.open(storage);
      await Promise.all(Array.from({ length: 5 }, () => line.upload()));
      for (const how of ['fast', 'immediate'] as const) {
        const { jobId } = await line.job([member(1, how === 'fast' ? 1 : 2)]);
        const claim = await line.claimed(jobId);
        await own.stop(how);
        for (const call of [() => line.applyNext(claim), () => line.look(jobId), () => storage.check({})]) {
          await assert.rejects(call(), { code: 'STORAGE_UNAVAILABLE', passing: true });
        }
        await own.restart();
        await storage.check({});
        assert.equal((await line.applyNext(claim))?.processed, 1);
        await line.complete(claim);
      }
    });
  });

  test('that crashes has all of a job that was accepted, though staging waits for no disk', async (t) => {
    const own = await PostgresServer.start();
    t.after(() => own.remove());
    const url = await own.database();
    await usingStorage({ url }, async (storage) => {
      const line = await StorageLine.open(storage);
      const jobId = await line.upload();
      for (let at = 0; at < 5; at += 1) await line.stage(jobId, batchesOf([member(at + 1, at)]));
      await line.accept(jobId, []);
      await own.stop('immediate');
      await own.restart();
      const claim = await line.claimed(jobId);
      while ((await line.applyNext(claim)) !== undefined);
      assert.equal((await line.complete(claim))?.inserted, 5);
    });
  });

  test('can’t be opened where nobody listens, and is told apart from a wrong name', async () => {
    const nobody = new URL(server.url('postgres'));
    nobody.port = '1';
    await assert.rejects(openPostgresStorage({ url: nobody.href }), { code: 'STORAGE_UNAVAILABLE' });
    await assert.rejects(openPostgresStorage({ url: server.url('no_such_database') }), {
      code: 'INVALID_CONFIGURATION',
    });
    const stranger = new URL(server.url('postgres'));
    stranger.username = 'nobody';
    await assert.rejects(openPostgresStorage({ url: stranger.href }), { code: 'INVALID_CONFIGURATION' });
  });

  test('that takes no writes says so to a check and to a write, and still answers', async () => {
    const url = await server.database();
    await usingStorage({ url }, async (storage) => {
      await StorageLine.open(storage);
    });
    await query(
      url,
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
    );
    await usingStorage({ url }, async (storage) => {
      await assert.rejects(storage.check({}), { code: 'STORAGE_READ_ONLY', passing: true });
      await assert.rejects(StorageLine.open(storage), { code: 'STORAGE_READ_ONLY' });
      assert.equal((await storage.listSites({})).length, 1);
    });
  });

  test('that has no connection left is busy', async () => {
    const url = await server.database();
    await usingStorage({ url }, async () => undefined);
    const clients: pg.Client[] = [];
    try {
      for (let at = 0; at < CONNECTIONS; at += 1) {
        const client = new pg.Client({ connectionString: server.url('postgres') });
        client.on('error', () => undefined);
        await client.connect();
        clients.push(client);
      }
    } catch {
      // No more connections: as wanted.
    }
    await assert.rejects(openPostgresStorage({ url }), { code: 'STORAGE_BUSY', passing: true });
    await Promise.all(clients.map((client) => client.end()));
  });

  test('whose disk is full says so to a write and then to each check, until there is room', async (t) => {
    const disk = await SmallDisk.mount(t, { megabytes: 80 });
    if (disk === undefined) return;
    const own = await PostgresServer.start();
    t.after(() => own.remove());
    const space = join(disk.folder, 'space');
    mkdirSync(space);
    execFileSync('chown', ['postgres', space]);
    await query(own.url('postgres'), `CREATE TABLESPACE small LOCATION '${space}'`);
    await query(own.url('postgres'), 'CREATE DATABASE small TABLESPACE small');
    await usingStorage({ url: own.url('small') }, async (storage) => {
      const line = await StorageLine.open(storage);
      const { jobId } = await line.job(Array.from({ length: 200 }, (_, at) => member(at + 1, at)));
      const claim = await line.claimed(jobId);
      disk.fill();
      await assert.rejects(line.applyNext(claim), { code: 'STORAGE_FULL', passing: true });
      await assert.rejects(storage.check({}), { code: 'STORAGE_FULL' });
      await assert.rejects(storage.check({}), { code: 'STORAGE_FULL' });
      assert.equal((await line.look(jobId)).processed, 0);
      disk.empty();
      await storage.check({});
      assert.equal((await line.applyNext(claim))?.processed, 50);
    });
  });

  test('whose row another transaction keeps is busy after a while, and nothing has changed', async () => {
    const url = await server.database();
    await usingStorage({ url, lockTimeoutMs: 100 }, async (storage) => {
      const line = await StorageLine.open(storage);
      const { jobId } = await line.job([member(1, 1)]);
      const claim = await line.claimed(jobId);
      const before = await line.look(jobId);
      const db = new PostgresDatabase({ url });
      await db.transaction(async (tx) => {
        await lockedRow(tx, jobId);
        await assert.rejects(line.applyNext(claim), { code: 'STORAGE_BUSY', passing: true });
        await assert.rejects(line.cancel(jobId), { code: 'STORAGE_BUSY' });
        assert.deepEqual(await line.look(jobId), before);
      });
      await db.close();
      assert.equal((await line.applyNext(claim))?.processed, 1);
    });
  });

  test('waits for no worker that was paused in the middle of a batch, which then is refused', async () => {
    const url = await server.database();
    await usingStorage({ url }, async (storage) => {
      const line = await StorageLine.open(storage);
      const { jobId } = await line.job([member(1, 1)]);
      const lost = await line.claimed(jobId, 'sleeper');
      line.now += LEASE_MS;
      const paused = new PostgresDatabase({ url, idleInTransactionMs: 300 });
      const wake = Promise.withResolvers<void>();
      const held = Promise.withResolvers<void>();
      const late = paused.transaction(async (tx) => {
        await lockedRow(tx, jobId);
        held.resolve();
        await wake.promise;
        await tx.run('UPDATE artly.jobs SET processed = 1, inserted = 1 WHERE job_id = :jobId', { jobId });
      });
      await held.promise;
      const claim = await line.claimed(jobId, 'other');
      wake.resolve();
      await assert.rejects(late);
      await paused.close();
      assert.equal(await line.applyNext(lost), undefined);
      assert.equal((await line.applyNext(claim))?.inserted, 1);
    });
  });
});

async function usingStorage<Result>(
  options: Parameters<typeof openPostgresStorage>[0],
  use: (storage: Storage) => Promise<Result>,
): Promise<Result> {
  const { storage, close } = await openPostgresStorage(options);
  try {
    return await use(storage);
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
