import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Replacements } from '../../src/compose.ts';
import { readConfig } from '../../src/config.ts';
import type { jobAsJson } from '../../src/domain/job.ts';
import type { Log } from '../../src/domain/log.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import type { JobMetrics } from '../../src/services/jobMetrics.ts';

export type JobJson = ReturnType<typeof jobAsJson>;

export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const quietMetrics: JobMetrics = {
  jobEnded() {},
  jobRetried() {},
  batchBegins: () => () => {},
  recordsRejected() {},
};

export interface TestServerOptions extends Replacements {
  environment?: NodeJS.ProcessEnv;
  log?: Log;
}

/** A real server in this process on a free port, on a SQLite file of its own; gone when the test ends. */
export async function startTestServer(
  test: TestContext,
  { environment = {}, log = quietLog, ...replacements }: TestServerOptions = {},
): Promise<TestSite & { server: RunningServer }> {
  const folder = await mkdtemp(join(tmpdir(), 'artly-test-'));
  const config = readConfig({
    PORT: '0',
    DATABASE_URL: `sqlite:${join(folder, 'artly.db')}`,
    ...environment,
  });
  const server = await startServer(config, log, replacements);
  test.after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const { key } = await server.parts.sites.add('https://shop.example');
  return Object.assign(new TestSite(server.url as string, key), { server });
}

/** An empty folder that is removed when the test ends. */
export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await newFolder();
  test.after(() => remove(folder));
  return folder;
}

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'artly-test-'));
}

function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** A site as it speaks to a server: with its address and key. */
export class TestSite {
  readonly url: string;
  readonly key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.key = key;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { 'x-artly-secret': this.key, ...init.headers } });
  }

  /** Sends JSON and reads the JSON of the answer. */
  async call(path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
    const init =
      body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await this.fetch(path, init);
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }

  async start(records: unknown[]): Promise<string> {
    const { status, json } = await this.call('/artly/sync/points-balances/start', records);
    if (status !== 202) throw new Error(`start answered ${status}: ${JSON.stringify(json)}`);
    return json.jobId as string;
  }

  async job(jobId: string): Promise<JobJson> {
    const { json } = await this.call(`/artly/sync/points-balances/status?jobId=${jobId}`);
    return json.job as JobJson;
  }

  /** Asks for the job until `done` says so, and gives it; `seen` hears of every answer. */
  async waitFor(
    jobId: string,
    done: (job: JobJson) => boolean,
    seen: (job: JobJson) => void = () => {},
  ): Promise<JobJson> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const job = await this.job(jobId);
      seen(job);
      if (done(job)) return job;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`Job ${jobId} did not get there within a minute.`);
  }

  /** All balances of the site, by member and type of points: `"42 points" → "1250.5"`. */
  async balances(): Promise<Map<string, string>> {
    const response = await this.fetch('/artly/points-balances', {
      headers: { accept: 'application/x-ndjson' },
    });
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    return new Map(lines.map((line) => balanceEntry(line)));
  }
}

export function hasEnded({ status }: JobJson): boolean {
  return status !== 'pending' && status !== 'running';
}

/** `count` good records, by member from `from` on; `balance` gives the balance of each. */
export function members(count: number, { from = 1, balance = (id: number) => id * 10 } = {}): object[] {
  return Array.from({ length: count }, (_, at) => ({
    wp_user_id: from + at,
    email: `member${from + at}@shop.example`,
    points_balance: balance(from + at),
  }));
}

/** Takes the digits of the balance from the text, as a parsed number could have lost some. */
function balanceEntry(line: string): [string, string] {
  const { wp_user_id, points_type } = JSON.parse(line) as { wp_user_id: number; points_type: string };
  return [`${wp_user_id} ${points_type}`, /"points_balance":([^,}]+)/.exec(line)?.[1] ?? ''];
}
