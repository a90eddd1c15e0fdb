import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { PostgresServer, query } from '../support/postgresServer.ts';
import { temporaryFolder } from '../support/testServer.ts';
import {
  argumentsOf,
  assertRefused,
  balancesIn,
  braked,
  brakedTarget,
  change,
  copy,
  emptyTarget,
  largeFile,
  smallFile,
} from './copySides.ts';
import { runCli, serve, startCli } from './runCli.ts';

const postgres = await PostgresServer.start();
after(() => postgres.remove());

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
    const { to, release } = await brakedTarget(postgres);
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
      const to = await emptyTarget(postgres);
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

function tablesIn(url: string): Promise<Record<string, unknown>[]> {
  return query(url, `SELECT tablename FROM pg_tables WHERE schemaname = 'artly' ORDER BY tablename`);
}
