import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { type PostgresServer, query } from '../support/postgresServer.ts';
import { temporaryFolder } from '../support/testServer.ts';
import { read } from './fullFile.ts';
import { type Finished, runCli } from './runCli.ts';

/** Both sides of a copy, as tests want them: files that are small or have several pages, and targets that wait. */

/** A file with one site. */
export async function smallFile(test: TestContext): Promise<{ path: string }> {
  const path = join(await temporaryFolder(test), 'small.db');
  await runCli(['sites', 'add', 'https://small.example'], { DATABASE_URL: `sqlite:${path}` });
  return { path };
}

/** A file with one site and more balances than one page has. */
export async function largeFile(test: TestContext): Promise<{ path: string }> {
  const { path } = await smallFile(test);
  addBalances(path, 'https://small.example');
  return { path };
}

export function addBalances(path: string, url: string): void {
  change(
    path,
    `WITH RECURSIVE g (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 12000)
     INSERT INTO points_balances SELECT site_id, i, 'points', i, 1, i, 'someone@shop.example' FROM g, sites
     WHERE url = '${url}'`,
  );
}

export function change(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

export function copy(path: string, to: string): Promise<Finished> {
  return runCli(...argumentsOf(path, to));
}

export function argumentsOf(path: string, to: string): [string[], NodeJS.ProcessEnv] {
  return [['db', 'copy', '--from', `sqlite:${path}`, '--to', to], {}];
}

export async function assertRefused(finished: Promise<Finished>, sentence: RegExp): Promise<void> {
  const { code, stdout, stderr } = await finished;
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.match(stderr, sentence);
  assert.match(stderr, /^artly-sync: [^\n]+\n$/);
}

export function balancesOf(path: string): number {
  return read(path, 'SELECT count(*) AS count FROM points_balances')[0]?.count as number;
}

export async function balancesIn(url: string): Promise<number> {
  return Number((await query(url, 'SELECT count(*) AS count FROM artly.points_balances'))[0]?.count);
}

/** A database with all tables, without a row. */
export async function emptyTarget(postgres: PostgresServer): Promise<string> {
  const url = await postgres.database();
  assert.equal((await runCli(['sites', 'list'], { DATABASE_URL: url })).code, 0);
  return url;
}

/** An empty database in which the second page of balances waits for `release`. */
export async function brakedTarget(
  postgres: PostgresServer,
): Promise<{ to: string; release: () => Promise<void> }> {
  const to = await emptyTarget(postgres);
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
export async function braked(url: string, running: ChildProcess): Promise<void> {
  const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  while ((await query(url, waits)).length === 0)
    assert.equal(running.exitCode, null, 'the copy ended before its second page');
}
