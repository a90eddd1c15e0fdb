import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { COPIED_TABLES } from '../../src/storage/copyTables.ts';
import { PostgresServer, query } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, members, TestSite } from '../support/testServer.ts';
import {
  addBalances,
  argumentsOf,
  assertRefused,
  balancesIn,
  balancesOf,
  braked,
  brakedTarget,
  change,
  copy,
  emptyTarget,
  largeFile,
  smallFile,
} from './copySides.ts';
import { fullFile, LARGE, pictureOf, putPart, read, startOnce, WAITING } from './fullFile.ts';
import { runCli, serve, startCli } from './runCli.ts';

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
    const { to, release } = await brakedTarget(postgres);
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
    const { to, release } = await brakedTarget(postgres);
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
    const { to, release } = await brakedTarget(postgres);
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

  it('gives new jobs numbers above those of jobs that are long gone, which balances remember', async (test) => {
    const { path } = await smallFile(test);
    change(path, `INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', 41)`);
    const to = await postgres.database();
    assert.equal((await copy(path, to)).code, 0);
    const [row] = await query(to, `SELECT nextval(pg_get_serial_sequence('artly.jobs', 'job_seq')) AS next`);
    assert.equal(Number(row?.next), 42);
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

describe('What is copied', () => {
  it('is every table and every column that SQLite has, but those that PostgreSQL has no use for', async (test) => {
    const { path } = await smallFile(test);
    const to = await emptyTarget(postgres);
    const here = read(
      path,
      `SELECT t.name AS table_name, c.name AS column_name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'tickets'`,
    );
    const there = await query(
      to,
      `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'artly'
         AND table_name NOT IN ('schema_version', 'copied_from', 'tickets')`,
    );
    // Of events, SQLite keeps in one column what PostgreSQL has in six.
    const columns = (rows: Record<string, unknown>[]) =>
      names(rows.filter(({ table_name }) => table_name !== 'points_events'));
    assert.deepEqual(columns(there), columns(here));
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

function contentOf(path: string): unknown[] {
  return COPIED_TABLES.map((table) => read(path, `SELECT * FROM ${table}`));
}

function names(rows: Record<string, unknown>[]): string[] {
  return rows.map((row) => `${row.table_name}.${row.column_name}`).sort();
}
