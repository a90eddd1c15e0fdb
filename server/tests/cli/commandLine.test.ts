import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/testServer.ts';
import { runCli, serve } from './runCli.ts';

describe('artly-sync', () => {
  it('shows what it can do, asked or not', async () => {
    for (const args of [[], ['--help'], ['-h'], ['sites', '--help']]) {
      const { code, stdout, stderr } = await runCli(args, {});
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
      assert.match(stdout, /artly-sync serve/);
      assert.match(stdout, /artly-sync sites add URL/);
    }
  });

  it('answers what it does not understand with exit code 2, what is wrong, and the help', async (test) => {
    const environment = { DATABASE_URL: `sqlite:${join(await temporaryFolder(test), 'artly.db')}` };
    const wrong: [args: string[], sentence: RegExp][] = [
      [['dance'], /"dance" is no command\./],
      [['serve', 'now'], /"serve now" is no command\./],
      [['--fast'], /--fast/],
      [['sites'], /address of the site is missing/],
      [['sites', 'add'], /address of the site is missing/],
      [['sites', 'list', 'https://shop.example'], /list takes no address/],
      [['sites', 'add', 'https://a.example', 'https://b.example'], /"https:\/\/b\.example" is too much/],
      [['sites', 'drop', 'https://shop.example'], /"sites drop" is no command/],
    ];
    for (const [args, sentence] of wrong) {
      const { code, stdout, stderr } = await runCli(args, environment);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, sentence);
      assert.match(stderr, /artly-sync sites list/);
    }
  });

  it('names every variable of the environment that is wrong, and shows no secret', async () => {
    const { code, stdout, stderr } = await runCli(['serve'], {
      PORT: '99999',
      DATABASE_URL: 'mysql://db.example/artly',
      ARTLY_LOG_LEVEL: 'loud',
      ARTLY_MAX_RECORDS: 'many',
      ARTLY_API_SECRET: 'hunter2',
    });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^artly-sync: Wrong in the environment: [^\n]+\n$/);
    for (const name of ['PORT', 'DATABASE_URL', 'ARTLY_LOG_LEVEL', 'ARTLY_MAX_RECORDS']) {
      assert.match(stderr, new RegExp(`${name} `));
    }
    assert.doesNotMatch(stderr, /hunter2/);
  });

  it('takes an empty variable for one that is not set', async (test) => {
    const environment = { DATABASE_URL: `sqlite:${join(await temporaryFolder(test), 'artly.db')}` };
    const { code, stderr } = await runCli(['sites', 'list'], {
      ...environment,
      PORT: '',
      ARTLY_API_SECRET: '',
    });
    assert.equal(code, 0, stderr);
  });
});

describe('the role of a process', () => {
  it('must be all on SQLite, where one process does everything', async (test) => {
    const { environment } = await database(test);
    const wrong: [args: string[], role: string][] = [
      [['serve'], 'api'],
      [['serve'], 'worker'],
      [['work'], ''],
    ];
    for (const [args, role] of wrong) {
      const { code, stderr } = await runCli(args, { ...environment, ARTLY_ROLE: role, PORT: '0' });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^artly-sync: Wrong in the environment: ARTLY_ROLE must be all on SQLite, [^\n]+\n$/,
      );
    }
  });

  it('and the way to PostgreSQL are checked, and no password is shown', async () => {
    const { code, stderr } = await runCli(['serve'], {
      DATABASE_URL: 'postgres://artly:hunter2@/',
      ARTLY_LISTEN_URL: 'mysql://artly:hunter2@db.example/artly',
      ARTLY_ROLE: 'queen',
      ARTLY_WORKERS: '0',
      ARTLY_POOL_SIZE: '1',
    });
    assert.equal(code, 1);
    assert.match(stderr, /DATABASE_URL must be sqlite:PATH, sqlite::memory: or postgres:/);
    assert.match(stderr, /ARTLY_LISTEN_URL must be postgres:/);
    assert.match(stderr, /ARTLY_ROLE must be all, api or worker/);
    assert.match(stderr, /ARTLY_WORKERS must be a whole number from 1 to 100/);
    assert.match(stderr, /ARTLY_POOL_SIZE must be a whole number from 2 to 1000/);
    assert.doesNotMatch(stderr, /hunter2/);
  });
});

describe('artly-sync serve', () => {
  it('makes the folder and the database, listens, and ends well on SIGTERM', async (test) => {
    const path = join(await temporaryFolder(test), 'new', 'folder', 'artly.db');
    const { url, stop } = await serve(test, { DATABASE_URL: `sqlite:${path}` });
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    assert.equal(await stop(), 0);
  });

  it('is refused on a file on which another server runs, and possible once that has ended', async (test) => {
    const { environment } = await database(test);
    const { url, stop } = await serve(test, environment);
    const second = await runCli(['serve'], { ...environment, PORT: '0' });
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^artly-sync: Another server is running on [^\n]+: stop it first[^\n]+\n$/);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    await stop();
    const third = await serve(test, environment);
    assert.equal(await third.stop(), 0);
  });

  it('says so when another program has the port, and leaves the file to the next', async (test) => {
    const { environment } = await database(test);
    const other = createServer().listen(0, '127.0.0.1');
    test.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await runCli(['serve'], { ...environment, PORT: String(port) });
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`^artly-sync: Can't listen on 127\\.0\\.0\\.1:${port}: another program[^\\n]+\\n$`),
    );
    await (await serve(test, environment)).stop();
  });

  it('says so when the machine has no such address', async (test) => {
    const { environment } = await database(test);
    const { code, stderr } = await runCli(['serve'], { ...environment, PORT: '0', HOST: '192.0.2.1' });
    assert.equal(code, 1);
    assert.match(stderr, /no such address: set HOST/);
  });

  it('refuses a database that is newer than the program, and leaves it as it is', async (test) => {
    const { path, environment } = await database(test);
    await runCli(['sites', 'list'], environment);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 999');
    db.close();
    for (const args of [['serve'], ['sites', 'list']]) {
      const { code, stderr } = await runCli(args, { ...environment, PORT: '0' });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^artly-sync: The database is of version 999, and this program knows versions up to \d+: /,
      );
    }
    const after = new DatabaseSync(path);
    assert.equal(after.prepare('PRAGMA user_version').get()?.user_version, 999);
    after.close();
  });

  it('refuses a file that is no database, and does not touch it', async (test) => {
    const { path, environment } = await database(test);
    await writeFile(path, 'my holiday letters '.repeat(100));
    const { code, stderr } = await runCli(['serve'], { ...environment, PORT: '0' });
    assert.equal(code, 1);
    assert.match(stderr, /^artly-sync: The file is no SQLite database: check DATABASE_URL\.\n$/);
  });

  it('says so when the database can’t be made where it should stand', async (test) => {
    const folder = await temporaryFolder(test);
    await writeFile(join(folder, 'file'), '');
    await mkdir(join(folder, 'folder.db'));
    for (const path of [join(folder, 'file', 'artly.db'), join(folder, 'folder.db')]) {
      const { code, stderr } = await runCli(['serve'], { DATABASE_URL: `sqlite:${path}`, PORT: '0' });
      assert.equal(code, 1);
      assert.match(stderr, /^artly-sync: [^\n]+\n$/);
    }
  });
});

async function database(test: TestContext) {
  const path = join(await temporaryFolder(test), 'artly.db');
  return { path, environment: { DATABASE_URL: `sqlite:${path}` } };
}
