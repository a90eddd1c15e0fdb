import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Job } from '../../src/domain/job.ts';
import type { PostgresOptions } from '../../src/storage/postgresDatabase.ts';
import { openPostgresStorage } from '../../src/storage/postgresStorage.ts';
import type { Claim } from '../../src/storage/storage.ts';
import { type Changes, LeakyProxy, silentAt } from '../notices/leakyProxy.ts';
import { badRecord, batchesOf, member, range, removal } from '../support/batches.ts';
import { PostgresServer, query } from '../support/postgresServer.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { countsOf, LEASE_MS, StorageLine } from '../support/storageLine.ts';

/** Moves of 100 records, 50 on each connection, all of which are shared here. */
const RECORDS = 10_000;
const [HALF, MOVE] = [50, 100];
const [IN_FIRST, IN_SECOND] = [1, HALF + 1];
/** Records of a batch of a job of a few hundred, two of which make a move. */
const BATCH = 25;
const SHARED = { sharesFrom: MOVE };
const WAIT_MS = 10_000;
/** Locks by which tests hold up a half. */
const [FIRST_WRITES, SECOND_WRITES] = [1, 2];

describe('A large move on PostgreSQL', () => {
  let server: PostgresServer;
  let template: Place;
  before(async () => {
    server = await PostgresServer.start();
    template = await placeOf(
      server,
      range(1, RECORDS).map((id) => member(id, id)),
    );
  });
  after(() => server.remove());

  test('is written by two connections at the same time, a transaction each', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    await onInsert(
      url,
      IN_FIRST,
      `WHILE NOT EXISTS (${LOCKS} AND pid <> pg_backend_pid() AND objid = ${SECOND_WRITES}) LOOP PERFORM pg_sleep(0.01); END LOOP;`,
    );
    await onInsert(url, IN_SECOND, `PERFORM pg_advisory_xact_lock(${SECOND_WRITES});`);
    const before = await line.look(claim.jobId);
    const job = await line.applyNext(claim);
    assert.deepEqual([job?.processed, job?.inserted], [MOVE, MOVE]);
    assert.equal(job?.version, before.version + 2);
    assert.equal(await transactionsThatWrote(url), 2);
    assert.deepEqual(await line.look(claim.jobId), job);
  });

  test('gives its second half up where a cancel comes between the two', async (t) => {
    const { line, claim } = await opened(t, server, template);
    const { waits, letCommit } = heldBetweenTheTwo(t);
    const applied = line.applyNext(claim);
    await waits;
    const job = await line.cancel(claim.jobId);
    assert.deepEqual([job?.status, job?.processed], ['cancelled', HALF]);
    letCommit();
    assert.equal((await applied)?.processed, HALF);
    assert.equal((await line.balances()).size, HALF);
    assert.deepEqual(await line.look(claim.jobId), job);
  });

  test('lets a cancel wait for its first half alone', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    await onInsert(url, IN_FIRST, `PERFORM pg_advisory_xact_lock(${FIRST_WRITES});`);
    const letWrite = await heldLock(t, url, FIRST_WRITES);
    const applied = line.applyNext(claim);
    await until(url, `state = 'idle in transaction' AND query LIKE '%INTO artly.points_balances%'`);
    const cancelled = line.cancel(claim.jobId);
    await until(url, `wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE%'`);
    await letWrite();
    await applied;
    // After the first half, either the cancel or the second half is first.
    const job = await cancelled;
    assert.equal(job?.status, 'cancelled');
    assert.ok(job?.processed === HALF || job?.processed === MOVE);
    assert.equal((await line.balances()).size, job?.processed);
  });

  test('gives its second half up where another worker took the job over meanwhile, which waits for it', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    const { waits, letCommit } = heldBetweenTheTwo(t);
    const applied = line.applyNext(claim);
    await waits;
    line.now += LEASE_MS;
    const other = await line.claimed(claim.jobId, 'worker-2');
    assert.equal(other.attempt, claim.attempt + 1);
    const others = line.applyNext(other);
    await until(url, `wait_event = 'transactionid' AND query LIKE '%INTO artly.points_balances%'`);
    letCommit();
    assert.equal((await applied)?.processed, HALF);
    assert.equal((await others)?.processed, HALF + MOVE);
    assert.equal((await line.balances()).size, HALF + MOVE);
    assert.equal(await line.applyNext(claim), undefined);
  });

  test('tells what stands where the answer to its second commit is lost, also at the end of the job', async (t) => {
    const { line, claim } = await opened(t, server, template);
    while ((await line.look(claim.jobId)).processed < RECORDS - MOVE) await line.applyNext(claim);
    onStatement(t, { text: 'COMMIT', nth: 2 }, async (run) => {
      await run();
      throw new Error('Connection terminated unexpectedly');
    });
    assert.equal((await line.applyNext(claim))?.processed, RECORDS);
    assert.equal((await line.complete(claim))?.inserted, RECORDS);
  });

  test('keeps its first half where the connection of the second goes silent, and then goes on', async (t) => {
    const { line, claim } = await opened(t, server, template, {
      ...SHARED,
      // The server has ended the transaction, which it last heard of 4 s ago, before this process gives it up.
      statementTimeoutMs: 3_000,
      changes: silentAt('WITH progressed', 2),
    });
    assert.equal((await line.applyNext(claim))?.processed, HALF);
    assert.equal((await line.applyNext(claim))?.processed, HALF + MOVE);
    assert.equal((await line.balances()).size, HALF + MOVE);
  });

  test('keeps its first half where the second fails, and the next move meets what stopped it', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    await onInsert(url, IN_SECOND, `RAISE EXCEPTION 'not this one';`);
    assert.equal((await line.applyNext(claim))?.processed, HALF);
    await assert.rejects(line.applyNext(claim), /not this one/);
    assert.equal((await line.balances()).size, HALF);
    await query(url, `DROP FUNCTION stop_at_${IN_SECOND} CASCADE`);
    assert.equal((await line.applyNext(claim))?.processed, HALF + MOVE);
    assert.equal((await line.balances()).size, HALF + MOVE);
  });

  test('leaves nothing where its first half fails, and no transaction open', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    await onInsert(url, IN_FIRST, `PERFORM pg_sleep(0.1); RAISE EXCEPTION 'not this one';`);
    await onInsert(url, IN_SECOND, 'PERFORM pg_sleep(0.5);');
    await assert.rejects(line.applyNext(claim), /not this one/);
    assert.deepEqual(await query(url, OTHERS_AT_WORK), []);
    assert.equal((await line.balances()).size, 0);
    assert.equal((await line.look(claim.jobId)).processed, 0);
  });

  test('has one connection where another job moves in this process', async (t) => {
    const { line, claim, url } = await opened(t, server, template);
    const other = await StorageLine.open(line.storage);
    const othersClaim = await other.claimed((await other.job([member(1, 1)])).jobId);
    // What begins second is not alone; the second move of the large one begins with nobody beside it.
    const [, shared] = await Promise.all([other.applyNext(othersClaim), line.applyNext(claim)]);
    assert.equal(shared?.processed, MOVE);
    assert.equal(await transactionsThatWrote(url, line.siteId), 1);
    await line.applyNext(claim);
    assert.equal(await transactionsThatWrote(url, line.siteId), 3);
  });

  for (const poolSize of [1, 2]) {
    test(`has one connection where the pool has ${poolSize}, so that one stays for others`, async (t) => {
      const { line, claim, url } = await opened(t, server, template, { ...SHARED, poolSize });
      assert.equal((await line.applyNext(claim))?.processed, MOVE);
      assert.equal(await transactionsThatWrote(url), 1);
    });
  }

  test('has one connection where it is a small one', async (t) => {
    const { line, claim, url } = await opened(t, server, template, {});
    assert.equal((await line.applyNext(claim))?.processed, MOVE);
    assert.equal(await transactionsThatWrote(url), 1);
  });

  for (const [what, records] of Object.entries({
    'members come in no order': range(1, RECORDS).map((id) => member(RECORDS + 1 - id, id)),
    'a member comes again in the second': range(1, RECORDS).map((id) =>
      member(id === IN_SECOND ? 1 : id, id),
    ),
    'something is removed': range(1, RECORDS).map((id) => (id === MOVE ? removal(1) : member(id, id))),
  })) {
    test(`has one connection where ${what}`, async (t) => {
      const { line, claim, url } = await opened(t, server, await placeOf(server, records));
      assert.equal((await line.applyNext(claim))?.processed, MOVE);
      assert.equal(await transactionsThatWrote(url), 1);
    });
  }

  test('leaves what one connection would leave: changes, marks, removals, rejects, older and newer jobs', async (t) => {
    const [shared, alone] = [await history(t, server, { sharesFrom: 1 }), await history(t, server, {})];
    assert.deepEqual(shared.rows, alone.rows);
    assert.deepEqual(shared.jobs, alone.jobs);
    assert.ok(shared.rows.length > 400);
    t.diagnostic(`versions ${shared.versions}, and ${alone.versions} of one connection`);
    for (const [at, version] of shared.versions.entries())
      assert.ok(version > 1.5 * (alone.versions[at] as number));
  });

  test('loses and doubles nothing while connections are killed', async (t) => {
    const seed = seedOfRun();
    const random = seededRandom(seed);
    const { line, claim, url } = await opened(t, server, template);
    const killer = await connected(t, url);
    const seen = [await line.look(claim.jobId)];
    let [kills, shared] = [0, 0];
    while ((seen.at(-1) as Job).processed < RECORDS) {
      const applied = line.applyNext(claim).catch((error: unknown) => {
        assert.equal((error as { code?: string }).code, 'STORAGE_UNAVAILABLE');
        return line.look(claim.jobId);
      });
      if (random() < 0.5) {
        await pause(random() * 10);
        kills += (await killer.query(KILL_ONE, [random()])).rowCount ?? 0;
      }
      const job = await applied;
      assert.ok(job);
      if (job.version === (seen.at(-1) as Job).version + 2) shared += 1;
      seen.push(job);
    }
    t.diagnostic(`seed ${seed}: ${kills} connections were killed, ${shared} of ${seen.length} moves shared`);
    assert.ok(shared > 10);
    assert.ok(kills > 10);
    for (const [at, { processed, inserted }] of seen.entries()) {
      assert.equal(inserted, processed);
      assert.ok(processed >= (seen[at - 1]?.processed ?? 0));
    }
    const balances = await line.balances();
    assert.equal(balances.size, RECORDS);
    for (const id of range(1, RECORDS)) assert.equal(balances.get(`${id} points`), BigInt(id) * 10_000n);
    assert.equal((await line.complete(claim))?.inserted, RECORDS);
  });
});

const LOCKS = `
  SELECT FROM pg_locks WHERE locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const OTHERS_AT_WORK = `
  SELECT query FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;

const KILL_ONE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
  ORDER BY hashfloat8($1::float8 + pid) LIMIT 1`;

/** The jobs of some weeks, in moves of two batches each, and what they left. */
async function history(t: TestContext, server: PostgresServer, options: Partial<PostgresOptions>) {
  const url = await server.database();
  const { storage, close } = await openPostgresStorage({ poolSize: 5, ...options, url });
  t.after(close);
  const line = await StorageLine.open(storage);
  const ended: Job[] = [];
  const accepted = async (jobId: string, records: object[]) => {
    for (let from = 0; from < records.length; from += BATCH)
      await line.stage(jobId, batchesOf(records.slice(from, from + BATCH)));
    await line.accept(jobId, []);
    return jobId;
  };
  const run = async (jobId: string, { snapshot = false } = {}) => {
    const claim = await line.claimed(jobId);
    while ((await line.applyNext(claim)) !== undefined);
    const slice = { ...claim, limit: 50, leaseMs: LEASE_MS, now: line.now };
    if (snapshot) while ((await storage.removeMissing(slice))?.more);
    ended.push((await line.complete(claim)) as Job);
  };
  const [slow, slower] = [await line.upload(), await line.upload()];
  const all = range(1, 500);
  await run(
    await accepted(
      await line.upload(),
      all.map((id) => (id === 20 ? badRecord(id) : member(id, id))),
    ),
  );
  await run(
    await accepted(
      await line.upload(),
      all.map((id) => member(id, id % 3 === 0 ? id + 1 : id)),
    ),
  );
  // Marked as newer, though two thirds of them changed nothing.
  await run(
    await accepted(
      slow,
      all.map((id) => member(id, 2 * id, id % 5 === 0 ? 'gold' : undefined)),
    ),
  );
  await run(
    await accepted(
      await line.upload({ mode: 'snapshot' }),
      all.filter((id) => id % 10 !== 0).map((id) => member(id, id)),
    ),
    {
      snapshot: true,
    },
  );
  await run(
    await accepted(
      slower,
      range(1, 600).map((id) => member(id, 7)),
    ),
  );
  const rows = await query(
    url,
    `SELECT p.wp_user_id, p.points_type, p.email, p.balance, p.checksum, p.job_seq
     FROM artly.points_balances AS p ORDER BY 1, 2`,
  );
  return {
    rows,
    jobs: ended.map(countsOf),
    versions: ended.map(({ version }) => version),
  };
}

/** A database with one job of the site 1 that waits; nobody has it open. */
interface Place {
  url: string;
  jobId: string;
  siteId: number;
  now: number;
}

async function placeOf(server: PostgresServer, records: object[]): Promise<Place> {
  const url = await server.database();
  const { storage, close } = await openPostgresStorage({ url });
  const line = await StorageLine.open(storage);
  const jobId = await line.upload();
  await line.accept(jobId, records);
  await close();
  return { url, jobId, siteId: line.siteId, now: line.now };
}

/** A copy of the place, with its job claimed. */
async function opened(
  t: TestContext,
  server: PostgresServer,
  place: Place,
  { changes, ...options }: Partial<PostgresOptions> & { changes?: Changes } = SHARED,
): Promise<{ line: StorageLine; claim: Claim; url: string }> {
  const url = await server.copy(place.url);
  const proxy = await LeakyProxy.start(server.port, changes && { changes });
  const { storage, close } = await openPostgresStorage({ poolSize: 5, ...options, url: proxy.before(url) });
  t.after(async () => {
    await close();
    proxy.stop();
  });
  const line = new StorageLine(storage, place.siteId, place.now);
  return { line, claim: await line.claimed(place.jobId), url };
}

/** Runs a statement where the balance of this member is inserted. */
async function onInsert(url: string, wpUserId: number, statement: string): Promise<void> {
  await query(
    url,
    `CREATE FUNCTION stop_at_${wpUserId}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement} RETURN NEW; END $$;
     CREATE TRIGGER stop_at_${wpUserId} BEFORE INSERT ON artly.points_balances FOR EACH ROW
       WHEN (NEW.wp_user_id = ${wpUserId}) EXECUTE FUNCTION stop_at_${wpUserId}()`,
  );
}

async function transactionsThatWrote(url: string, siteId = 1): Promise<number> {
  const [row] = await query(
    url,
    `SELECT count(DISTINCT xmin::text) AS count FROM artly.points_balances WHERE site_id = ${siteId}`,
  );
  return Number(row?.count);
}

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  return client;
}

/** Holds a lock until the function that it gives is called. */
async function heldLock(t: TestContext, url: string, lock: number): Promise<() => Promise<unknown>> {
  const client = await connected(t, url);
  await client.query(`SELECT pg_advisory_lock(${lock})`);
  return () => client.query(`SELECT pg_advisory_unlock(${lock})`);
}

/**
 * Changes what the `nth` statement from now on that begins like `text` does, in this process: `how` is given the statement
 * to run.
 */
function onStatement(
  t: TestContext,
  { text, nth }: { text: string; nth: number },
  how: (run: () => Promise<unknown>) => Promise<unknown>,
): void {
  const query = pg.Client.prototype.query as (...values: unknown[]) => Promise<unknown>;
  let seen = 0;
  t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...values: unknown[]) {
    const run = () => query.apply(this, values);
    const said = (values[0] as { text?: string }).text ?? '';
    return said.trim().startsWith(text) && ++seen === nth ? how(run) : run();
  });
}

/** The second half waits with its progress until `letCommit` is called; `waits` resolves when it does. */
function heldBetweenTheTwo(t: TestContext): { waits: Promise<void>; letCommit: () => void } {
  const [waits, letCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  onStatement(t, { text: 'WITH progressed', nth: 2 }, async (run) => {
    waits.resolve();
    await letCommit.promise;
    return run();
  });
  return { waits: waits.promise, letCommit: letCommit.resolve };
}

/** Waits until a connection to the database is as `condition` says. */
async function until(url: string, condition: string): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  const found = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND ${condition}`;
  while ((await query(url, found)).length === 0) {
    assert.ok(Date.now() < deadline, `no connection with ${condition}`);
    await pause(10);
  }
}
