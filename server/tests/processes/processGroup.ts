import type { TestContext } from 'node:test';
import { runCli } from '../cli/runCli.ts';
import type { PostgresServer } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { TestSite } from '../support/testServer.ts';

const CLI = new URL('../../src/cli.ts', import.meta.url).pathname;

/** An API process and some workers on a database of their own. */
export async function processGroup(t: TestContext, { workers, postgres }: Shape) {
  const DATABASE_URL = (await postgres.database()).replace('artly@', 'artly:hunter2@');
  const api = await ServerProcess.start(t, {
    databaseFile: '',
    environment: { DATABASE_URL, ARTLY_ROLE: 'api' },
  });
  const addWorker = async () => {
    const environment = { DATABASE_URL, PORT: '' };
    const worker = new ServerProcess(t, { databaseFile: '', environment, command: [CLI, 'work'] });
    await worker.listening;
    return worker;
  };
  const addSite = async (at: number) => {
    const { stdout } = await runCli(['sites', 'add', `https://shop${at}.example`, '--json'], {
      DATABASE_URL,
    });
    return new TestSite(api.url, JSON.parse(stdout).key);
  };
  const others = await Promise.all(Array.from({ length: workers }, addWorker));
  const site = new TestSite(api.url, PROCESS_KEY);
  return { site, databaseUrl: DATABASE_URL, all: [api.server, ...others], addWorker, addSite };
}

interface Shape {
  workers: number;
  postgres: PostgresServer;
}
