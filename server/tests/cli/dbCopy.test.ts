import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it, type TestContext } from 'node:test';
import pg from 'pg';
import { COPIED_TABLES } from '../../src/storage/copyTables.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, TestSite, temporaryFolder } from '../support/testServer.ts';
import { fullFile, LARGE, pictureOf, putPart, read, startOnce, WAITING } from './fullFile.ts';
import { type Finished, runCli, serve, startCli } from './runCli.ts';

const postgres = await PostgresServer.start();
after(() => postgres.remove());

describe('artly-sync db copy', () => {
  it('brings everything to PostgreSQL, where all goes on as if it had never stood elsewhere', async (test) => {
    const file = await fullFile(test);
    const to = await postgres.database();
    const { code, stdout, stderr } = await copy(file.path, to);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^points_balances +\d+ +\d+ +same$/m);
    assert.match(stdout, /^checksums of site \d+ +\d+ of \d+ +\d+ of \d+ +same$/m);
    assert.match(stdout, /Everything is the same\. Set DATABASE_URL/);
    assert.match(stderr, /^copy points_balances: (\d+) of \1 rows, 100 %$/m);
    const highest = read(file.path, 'SELECT max(job_seq) AS highest FROM jobs')[0]?.highest as number;
    const receiving = 'SELECT FROM artly.jobs WHERE NOT accepted AND NOT in_parts AND records_kept';
    assert.deepEqual(await query(to, receiving), [], 'the broken upload is over');

    const { url } = await ServerProcess.start(test, { databaseFile: '', environment: { DATABASE_URL: to } });
    const [shop, second] = [new TestSite(url, file.keys.a), new TestSite(url, file.keys.b)];
    assert.deepEqual([await pictureOf(shop), await pictureOf(second)], file.pictures);
    assert.equal((await new TestSite(url, file.keys.c).call('/artly/sync/jobs')).status, 401);
    await assertHalfJobGoesOn(new TestSite(url, PROCESS_KEY), file);
    await assertPartsGoOn(second, file.partsJob);
    assert.equal(await startOnce(shop), file.pictures[0]?.jobs.at(-1)?.jobId);
    const newJob = await shop.waitFor(await shop.start(members(3)), hasEnded);
    assert.equal(newJob.updated, 3);
    const [row] = await query(to, `SELECT job_seq FROM artly.jobs WHERE job_id = '${newJob.jobId}'`);
    assert.ok(Number(row?.job_seq) > highest, `${row?.job_seq} is not above ${highest}`);
    assert.equal((await runCli(['sites', 'add', 'https://d.example'], { DATABASE_URL: to })).code, 0);
  });

  it('leaves the file as it was', async (test) => {
    const { path } = await smallFile(test);
    const before = contentOf(path);
    assert.equal((await copy(path, await postgres.database())).code, 0);
    assert.deepEqual(contentOf(path), before);
    const { stop } = await serve(test, { DATABASE_URL: `sqlite:${path}` });
    assert.equal(await stop(), 0);
  });

  it('goes on where it was when it was killed half-way, and no server works there until it is complete', async (test) => {
    const file = await fullFile(test);
    // Of the last site, and so behind the others in the order of the copy.
    addBalances(file.path, 'https://c.example');
    const { to, release } = await brakedTarget();
    const killed = startCli(...argumentsOf(file.path, to));
    await braked(to, killed);
    killed.kill('SIGKILL');
    await once(killed, 'close');
    await release();
    const there = await balancesIn(to);
    assert.ok(there > 0 && there < (await balancesOf(file.path)), `${there} are there`);
    for (const args of [['serve'], ['work'], ['sites', 'list']]) {
      const { code, stderr } = await runCli(args, { DATABASE_URL: to, PORT: '0' });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^artly-sync: A copy from SQLite into this database is not complete: run [^\n]+\n$/,
      );
    }
    const { code, stderr } = await copy(file.path, to);
    assert.equal(code, 0, stderr);
    assert.equal(await balancesIn(to), await balancesOf(file.path));
    const { url } = await ServerProcess.start(test, { databaseFile: '', environment: { DATABASE_URL: to } });
    assert.deepEqual(await pictureOf(new TestSite(url, file.keys.a)), file.pictures[0]);
    await assertHalfJobGoesOn(new TestSite(url, PROCESS_KEY), file);
  });

  it('stops in order at a signal, and says that the same command goes on', async (test) => {
    const { path } = await largeFile(test);
    const { to, release } = await brakedTarget();
    const running = startCli(...argumentsOf(path, to));
    let complaints = '';
    running.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    await braked(to, running);
    running.kill('SIGINT');
    await release();
    const [code] = await once(running, 'close');
    assert.equal(code, 1);
    assert.match(complaints, /^artly-sync: Stopped\. [^\n]+the same command goes on[^\n]+$/m);
    assert.ok((await balancesIn(to)) < (await balancesOf(path)));
    assert.equal((await copy(path, to)).code, 0);
    assert.equal(await balancesIn(to), await balancesOf(path));
  });

  it('has the file and the target for itself', async (test) => {
    const { path } = await largeFile(test);
    const { to, release } = await brakedTarget();
    const running = startCli(...argumentsOf(path, to));
    const done = once(running, 'close');
    await braked(to, running);
    const server = await runCli(['serve'], { DATABASE_URL: `sqlite:${path}`, PORT: '0' });
    assert.match(server.stderr, /Another server is running on /);
    const other = await smallFile(test);
    await assertRefused(copy(other.path, to), /Another copy into the database of --to is under way/);
    await release();
    assert.deepEqual(await done, [0, null]);
  });

  it('says of a copy that is complete that there is nothing to do, also when the new place has moved on', async (test) => {
    const { path } = await smallFile(test);
    const to = await postgres.database();
    assert.equal((await copy(path, to)).code, 0);
    await runCli(['sites', 'add', 'https://new.example'], { DATABASE_URL: to });
    const { code, stdout } = await copy(path, to);
    assert.deepEqual([code, stdout], [0, 'This copy is complete already: there is nothing to do.\n']);
  });
});

describe('artly-sync db copy refuses', () => {
  it('a file on which a server runs', async (test) => {
    const { path } = await smallFile(test);
    await serve(test, { DATABASE_URL: `sqlite:${path}` });
    await assertRefused(copy(path, await postgres.database()), /running on [^\n]+: stop the server first/);
  });

  it('a target with other data, and changes nothing there', async (test) => {
    const { path } = await smallFile(test);
    const to = await postgres.database();
    await runCli(['sites', 'add', 'https://other.example'], { DATABASE_URL: to });
    // As an older program has made it.
    await query(to, 'DROP TABLE artly.copied_from; UPDATE artly.schema_version SET version = 1');
    const before = await tablesIn(to);
    await assertRefused(copy(path, to), /has data of Artly Sync already: give an empty one/);
    assert.deepEqual(await tablesIn(to), before);
    assert.equal((await query(to, 'SELECT FROM artly.sites')).length, 1);
  });

  it('an empty target on which a server runs', async (test) => {
    const { path } = await smallFile(test);
    const to = await postgres.database();
    const { stop } = await serve(test, { DATABASE_URL: to });
    await assertRefused(copy(path, to), /A server is running on the database of --to: stop it first/);
    assert.deepEqual(await query(to, 'SELECT * FROM artly.copied_from'), []);
    await stop();
    assert.equal((await copy(path, to)).code, 0);
  });

  it('to go on from another file, or from one that has changed', async (test) => {
    const { path } = await largeFile(test);
    const { to, release } = await brakedTarget();
    const killed = startCli(...argumentsOf(path, to));
    await braked(to, killed);
    killed.kill('SIGKILL');
    await once(killed, 'close');
    await release();
    await runCli(['sites', 'add', 'https://late.example'], { DATABASE_URL: `sqlite:${path}` });
    const there = await balancesIn(to);
    for (const from of [path, (await smallFile(test)).path])
      await assertRefused(copy(from, to), /half copy of another file, or of this one before it changed/);
    assert.equal(await balancesIn(to), there);
  });

  it('to call a copy complete that is not the same, in one value or one row', async (test) => {
    for (const [change, table] of [
      [
        'NEW.balance := NEW.balance + 1; RETURN NEW;',
        /^points_balances +\d+ +\d+ \(1 not the same\) +DIFFERS$/m,
      ],
      ['RETURN NULL;', /^checksums of site 1 +\d+ of \d+ +\d+ of \d+ +DIFFERS$/m],
    ] as const) {
      const { path } = await largeFile(test);
      const to = await emptyTarget();
      await query(
        to,
        `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${change} END $$;
         CREATE TRIGGER spoil BEFORE INSERT ON artly.points_balances FOR EACH ROW WHEN (NEW.wp_user_id = 7)
           EXECUTE FUNCTION spoil()`,
      );
      const { code, stderr } = await copy(path, to);
      assert.equal(code, 1);
      assert.match(stderr, /^artly-sync: The two databases differ, so no server starts on the new one: /m);
      assert.match(stderr, table);
      assert.equal((await runCli(['serve'], { DATABASE_URL: to, PORT: '0' })).code, 1);
    }
  });

  it('a file that is not there, and makes none', async (test) => {
    const path = join(await temporaryFolder(test), 'missing.db');
    await assertRefused(
      copy(path, await postgres.database()),
      /There is no file [^\n]+ that can be read: check --from/,
    );
    assert.deepEqual([existsSync(path), existsSync(`${path}.lock`)], [false, false]);
  });

  it('a file that is no database, that is another’s, or of another version', async (test) => {
    const { path } = await smallFile(test);
    const folder = await temporaryFolder(test);
    const letters = join(folder, 'letters');
    await writeFile(letters, 'my holiday letters '.repeat(100));
    const foreign = join(folder, 'foreign.db');
    change(foreign, 'CREATE TABLE songs (name TEXT)');
    const versions = [4, 999].map((version) => ({ version, file: join(folder, `${version}.db`) }));
    for (const { version, file } of versions) {
      await copyFile(path, file);
      change(file, `PRAGMA user_version = ${version}`);
    }
    const to = await postgres.database();
    await assertRefused(copy(letters, to), /The file is no SQLite database: check --from/);
    await assertRefused(copy(foreign, to), /The file has no tables of Artly Sync: check --from/);
    await assertRefused(
      copy(versions[0]?.file as string, to),
      /of version 4, and \d+ is needed: start the server/,
    );
    await assertRefused(copy(versions[1]?.file as string, to), /of version 999, and this program knows/);
    assert.deepEqual(await tablesIn(to), []);
  });

  it('addresses that are wrong or missing, and shows no password', async (test) => {
    const { path } = await smallFile(test);
    const from = `sqlite:${path}`;
    const nobody = 'postgres://artly:hunter2@127.0.0.1:1/artly';
    const wrong: [args: string[], code: number, sentence: RegExp][] = [
      [['--from', from], 2, /--to is missing/],
      [['--to', nobody], 2, /--from is missing/],
      [['--from', nobody, '--to', from], 1, /^artly-sync: --from must be sqlite:PATH[^\n]+\n$/],
      [['--from', 'sqlite::memory:', '--to', nobody], 1, /--from must be sqlite:PATH/],
      [
        ['--from', from, '--to', 'mysql://artly:hunter2@db.example/artly'],
        1,
        /--to must be postgres:\/\/USER/,
      ],
      [
        ['--from', from, '--to', nobody],
        1,
        /^artly-sync: The database can’t be reached: [^\n]+--to names[^\n]+\n$/,
      ],
      [['now', '--from', from, '--to', nobody], 2, /takes its addresses by --from and --to/],
    ];
    for (const [args, code, sentence] of wrong) {
      const finished = await runCli(['db', 'copy', ...args], {});
      assert.deepEqual([finished.code, finished.stdout], [code, ''], args.join(' '));
      assert.match(finished.stderr, sentence);
      assert.doesNotMatch(finished.stderr, /hunter2/);
    }
    assert.equal((await runCli(['db', 'move'], {})).code, 2);
    assert.equal((await runCli(['sites', 'list', '--to', nobody], {})).code, 2);
  });
});

describe('What is copied', () => {
  it('is every table and every column that SQLite has, but those that PostgreSQL has no use for', async (test) => {
    const { path } = await smallFile(test);
    const to = await emptyTarget();
    const here = read(
      path,
      `SELECT t.name AS table_name, c.name AS column_name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`,
    );
    const there = await query(
      to,
      `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'artly'
         AND table_name NOT IN ('schema_version', 'copied_from')`,
    );
    const unused = ['job_batches.max_user_id', 'job_batches.min_user_id'];
    assert.deepEqual([...names(there), ...unused].sort(), names(here));
    assert.deepEqual([...new Set(here.map((row) => row.table_name))].sort(), [...COPIED_TABLES].sort());
  });
});

/** A job of which a part was applied is completed, each record once, and the one behind it too. */
async function assertHalfJobGoesOn(
  site: TestSite,
  { halfJob, waitingJob }: { halfJob: string; waitingJob: string },
): Promise<void> {
  const large = await site.waitFor(halfJob, hasEnded);
  assert.deepEqual([large.status, large.inserted, large.updated], ['completed', LARGE, 0]);
  assert.ok(large.attempt > 1);
  assert.equal((await site.waitFor(waitingJob, hasEnded)).inserted, WAITING.count);
  const wanted = [...members(LARGE), ...members(WAITING.count, { from: WAITING.from })] as {
    wp_user_id: number;
    points_balance: number;
  }[];
  assert.deepEqual(
    await site.balances(),
    new Map(wanted.map(({ wp_user_id, points_balance }) => [`${wp_user_id} points`, String(points_balance)])),
  );
}

async function assertPartsGoOn(site: TestSite, jobId: string): Promise<void> {
  assert.equal((await putPart(site, jobId, 0)).status, 200);
  assert.equal((await putPart(site, jobId, 1)).status, 200);
  await site.call(`/artly/sync/jobs/${jobId}/commit`, { batches: 3, records: 63 });
  const job = await site.waitFor(jobId, hasEnded);
  assert.deepEqual(
    [job.status, job.inserted + job.updated + job.unchanged, job.rejected],
    ['completed', 60, 3],
  );
  const rejects = await (await site.fetch(`/artly/sync/jobs/${jobId}/rejects`)).text();
  assert.deepEqual(rejects.match(/"index":\d+/g), ['"index":20', '"index":41', '"index":62']);
}

async function assertRefused(finished: Promise<Finished>, sentence: RegExp): Promise<void> {
  const { code, stdout, stderr } = await finished;
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.match(stderr, sentence);
  assert.match(stderr, /^artly-sync: [^\n]+\n$/);
}

function copy(path: string, to: string): Promise<Finished> {
  return runCli(...argumentsOf(path, to));
}

function argumentsOf(path: string, to: string): [string[], NodeJS.ProcessEnv] {
  return [['db', 'copy', '--from', `sqlite:${path}`, '--to', to], {}];
}

/** A file with one site. */
async function smallFile(test: TestContext): Promise<{ path: string }> {
  const path = join(await temporaryFolder(test), 'small.db');
  await runCli(['sites', 'add', 'https://small.example'], { DATABASE_URL: `sqlite:${path}` });
  return { path };
}

/** A file with one site and more balances than one page has. */
async function largeFile(test: TestContext): Promise<{ path: string }> {
  const { path } = await smallFile(test);
  addBalances(path, 'https://small.example');
  return { path };
}

function addBalances(path: string, url: string): void {
  change(
    path,
    `WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 12000)
     INSERT INTO points_balances SELECT site_id, i, 'points', i, 1, i, 'someone@shop.example' FROM g, sites
     WHERE url = '${url}'`,
  );
}

function change(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

function contentOf(path: string): unknown[] {
  return COPIED_TABLES.map((table) => read(path, `SELECT * FROM ${table}`));
}

function balancesOf(path: string): number {
  return read(path, 'SELECT count(*) AS count FROM points_balances')[0]?.count as number;
}

async function balancesIn(url: string): Promise<number> {
  return Number((await query(url, 'SELECT count(*) AS count FROM artly.points_balances'))[0]?.count);
}

/** A database with all tables, without a row. */
async function emptyTarget(): Promise<string> {
  const url = await postgres.database();
  assert.equal((await runCli(['sites', 'list'], { DATABASE_URL: url })).code, 0);
  return url;
}

/** An empty database in which the second page of balances waits for `release`. */
async function brakedTarget(): Promise<{ to: string; release: () => Promise<void> }> {
  const to = await emptyTarget();
  await query(
    to,
    `CREATE TABLE brake AS SELECT 1 AS on_it;
     CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF EXISTS (SELECT FROM artly.points_balances) THEN
         WHILE EXISTS (SELECT FROM brake) LOOP PERFORM pg_sleep(0.01); END LOOP;
       END IF;
       RETURN NULL;
     END $$;
     CREATE TRIGGER wait BEFORE INSERT ON artly.points_balances FOR EACH STATEMENT EXECUTE FUNCTION wait()`,
  );
  const release = async () => {
    await query(to, 'DELETE FROM brake');
  };
  return { to, release };
}

/** Resolves when the copy stands at the brake. */
async function braked(url: string, running: ChildProcess): Promise<void> {
  const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  while ((await query(url, waits)).length === 0)
    assert.equal(running.exitCode, null, 'the copy ended before its second page');
}

function tablesIn(url: string): Promise<Record<string, unknown>[]> {
  return query(url, `SELECT tablename FROM pg_tables WHERE schemaname = 'artly' ORDER BY tablename`);
}

function names(rows: Record<string, unknown>[]): string[] {
  return rows.map((row) => `${row.table_name}.${row.column_name}`).sort();
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
