import type { TestContext } from 'node:test';
import { visitStorage } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import { systemClock } from '../../src/services/clock.ts';
import { SiteService } from '../../src/services/siteService.ts';
import type { PostgresServer } from '../support/postgresServer.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { TestSite } from '../support/testServer.ts';

const CLI = new URL('../../src/cli.ts', import.meta.url).pathname;

/** An API process and some workers on a database of their own. More may join, also by another way to the database. */
export async function processGroup(t: TestContext, { workers, postgres }: Shape) {
  const databaseUrl = await newDatabase(postgres);
  const addApi = (url = databaseUrl) => ServerProcess.start(t, apiProcess(url));
  const addWorker = async (url = databaseUrl) => {
    const worker = new ServerProcess(t, workerProcess(url));
    await worker.listening;
    return worker;
  };
  const addSites = async (count: number) =>
    (await letIn(databaseUrl, count)).map((key) => new TestSite(api.url, key));
  const api = await addApi();
  const others = await Promise.all(Array.from({ length: workers }, () => addWorker()));
  const site = new TestSite(api.url, PROCESS_KEY);
  return { site, all: [api.server, ...others], databaseUrl, addApi, addWorker, addSites };
}

interface Shape {
  workers: number;
  postgres: PostgresServer;
}

/** An empty database, by an address that has a password: it must not get into a log. */
export async function newDatabase(postgres: PostgresServer): Promise<string> {
  return (await postgres.database()).replace('artly@', 'artly:hunter2@');
}

/** An API process, as options of `ServerProcess`. */
export function apiProcess(databaseUrl: string) {
  return { databaseFile: '', environment: { DATABASE_URL: databaseUrl, ARTLY_ROLE: 'api' } };
}

/** A worker by the command line, as options of `ServerProcess`; `jobs` is how many it works on at once. */
export function workerProcess(databaseUrl: string, { jobs = 2 } = {}) {
  const environment = { DATABASE_URL: databaseUrl, PORT: '', ARTLY_WORKERS: String(jobs) };
  return { databaseFile: '', environment, command: [CLI, 'work'] };
}

/** Lets sites in, as the command line does, and gives their keys. */
export async function letIn(databaseUrl: string, count: number): Promise<string[]> {
  const { storage, close } = await visitStorage(readConfig({ DATABASE_URL: databaseUrl }));
  try {
    const service = new SiteService({ storage, clock: systemClock });
    const added = Array.from({ length: count }, (_, at) => service.add(`https://shop${at + 1}.example`));
    return (await Promise.all(added)).map(({ key }) => key);
  } finally {
    await close();
  }
}
