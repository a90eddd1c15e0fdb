import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PostgresServer } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, TestSite, temporaryFolder } from '../support/testServer.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SECTION = /## Add a type of job\n(.*?)\n## /s;

describe('A type of job that is added as CONTRIBUTING.md says', () => {
  let postgres: PostgresServer;
  before(async () => {
    postgres = await PostgresServer.start();
  });
  after(() => postgres.remove());

  it('is sent, applied and read on SQLite', async (test) => {
    const folder = await temporaryFolder(test);
    await sendOrders(test, programWithOrders(folder), { databaseFile: join(folder, 'artly.db') });
  });

  it('is sent, applied and read on PostgreSQL', async (test) => {
    const folder = await temporaryFolder(test);
    const environment = { DATABASE_URL: await postgres.database() };
    await sendOrders(test, programWithOrders(folder), { databaseFile: '', environment });
  });
});

/** A copy of the program with the new type in it; gives its command line. */
function programWithOrders(folder: string): string {
  const [, section] = SECTION.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? [];
  const [type, sqlite, postgres] = [...(section ?? '').matchAll(/```(?:ts|sql)\n(.*?)```/gs)].map(
    ([, text]) => text as string,
  );
  assert.ok(type && sqlite && postgres, 'CONTRIBUTING.md shows a type and its two migrations');
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(realpathSync(join(ROOT, 'node_modules')), join(folder, 'node_modules'));
  const source = join(folder, 'server/src');
  cpSync(join(ROOT, 'server/src'), source, { recursive: true });
  writeFileSync(join(source, 'jobTypes/orders.ts'), type);
  addToList(join(source, 'jobTypes/jobTypes.ts'));
  addMigration(join(source, 'storage/migrations/sqlite'), sqlite);
  addMigration(join(source, 'storage/migrations/postgres'), postgres);
  return join(source, 'cli.ts');
}

function addToList(file: string): void {
  const list = readFileSync(file, 'utf8');
  const longer = list.replace(/(JOB_TYPES: readonly JobType\[\] = \[)/, '$1orders, ');
  assert.notEqual(longer, list);
  writeFileSync(file, `import { orders } from './orders.ts';\n${longer}`);
}

function addMigration(folder: string, sql: string): void {
  const next = String(readdirSync(folder).length + 1).padStart(4, '0');
  writeFileSync(join(folder, `${next}_orders.sql`), sql);
}

async function sendOrders(
  test: TestContext,
  program: string,
  database: { databaseFile: string; environment?: NodeJS.ProcessEnv },
): Promise<void> {
  const { server, url } = await ServerProcess.start(test, { ...database, command: [program, 'serve'] });
  const shop = new TestSite(url, PROCESS_KEY);
  const send = async (records: object[]) => {
    const { status, json } = await shop.call('/artly/sync/orders/start', records);
    assert.equal(status, 202, JSON.stringify(json));
    return shop.waitFor(json.jobId as string, hasEnded);
  };
  const first = await send([
    { order_id: 7, total: '12.50', note: 'gift' },
    { order_id: 8, total: 3 },
    { order_id: 9 },
  ]);
  assert.deepEqual([first.type, first.inserted, first.rejected], ['orders', 2, 1]);
  const second = await send([
    { order_id: 7, total: 12.5 },
    { order_id: 8, total: 3 },
    { order_id: 10, total: 0 },
  ]);
  assert.deepEqual([second.inserted, second.updated, second.unchanged], [1, 1, 1]);
  assert.deepEqual((await shop.call('/artly/orders?limit=2')).json, {
    success: true,
    orders: [
      { order_id: 7, total: 12.5, note: null },
      { order_id: 8, total: 3, note: null },
    ],
    next: 8,
  });
  await server.stop('SIGTERM');
}
