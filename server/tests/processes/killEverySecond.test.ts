import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MemberShop, type ShopMember } from '../support/memberShop.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { members, TestSite } from '../support/testServer.ts';
import { JobLookout } from './jobLookout.ts';
import { ProcessFleet } from './processFleet.ts';

const SITES = 20;
const JOBS_A_SITE = 5;
const [SMALLEST, LARGEST] = [100, 300_000];
const KILLS_MS = 60_000;
const KILL_EVERY_MS = 1_000;
/** A site's starts come one after the other, spread over most of the time of the kills. */
const BETWEEN_STARTS_MS = 18_000;
const STILL_MS = 20_000;

const postgres = await PostgresServer.start();
after(() => postgres.remove());

test('while a process is killed every second, every job that was accepted ends, and every balance is exact', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const fleet = await ProcessFleet.start(t, { postgres, apis: 2, workers: 3, jobsAWorker: 4 });
  const shops = (await fleet.addSites(SITES)).map(
    (key) => new StartingShop(fleet, key, seededRandom(random() * 2 ** 32)),
  );
  const lookout = new JobLookout(fleet.databaseUrl).start();
  t.after(() => lookout.stop());

  const killing = killEverySecond(fleet, random);
  await Promise.all([killing, ...shops.map((shop) => shop.startAll())]);
  const jobs = await lookout.untilAllEnded(SITES * JOBS_A_SITE, KILLS_MS);
  assert.deepEqual(new Set(jobs.map(({ status }) => status)), new Set(['completed']));
  assert.deepEqual(new Set(jobs.map(({ jobId }) => jobId)), new Set(shops.flatMap(({ jobIds }) => jobIds)));
  tell(t, { fleet, shops, lookout });
  assert.deepEqual(fleet.fallen, [], 'no process ended by itself');
  assert.ok(lookout.longestMs < STILL_MS, `a job stood still: ${lookout.longest}`);
  for (const shop of shops) await shop.assertBalances();
});

async function killEverySecond(fleet: ProcessFleet, random: () => number): Promise<void> {
  const startedAt = performance.now();
  for (let at = KILL_EVERY_MS; at <= KILLS_MS; at += KILL_EVERY_MS) {
    await pause(Math.max(0, startedAt + at - performance.now()));
    fleet.killOne(random());
  }
}

function tell(
  t: TestContext,
  { fleet, shops, lookout }: { fleet: ProcessFleet; shops: StartingShop[]; lookout: JobLookout },
): void {
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const attempts = lookout.jobs.map(({ attempt }) => attempt);
  t.diagnostic(`killed ${fleet.killed.worker} workers and ${fleet.killed.api} API processes`);
  t.diagnostic(`${sum(lookout.jobs.map(({ processed }) => processed))} records in ${attempts.length} jobs`);
  t.diagnostic(`${sum(shops.map(({ repeats }) => repeats))} starts were sent again, as nobody answered`);
  t.diagnostic(
    `${sum(attempts) - attempts.length} times a job was taken over; at most ${Math.max(...attempts)} attempts`,
  );
  t.diagnostic(`longest stand-still: ${lookout.longest} in ${lookout.looks} looks`);
}

/** A shop that sends its jobs one after the other, and repeats each start until one process has answered. */
class StartingShop {
  readonly jobIds: string[] = [];
  repeats = 0;
  readonly #fleet: ProcessFleet;
  readonly #key: string;
  readonly #random: () => number;
  /** The model: by member, the number of the last start that carried it. */
  readonly #lastStart = new Uint8Array(LARGEST + 1);

  constructor(fleet: ProcessFleet, key: string, random: () => number) {
    this.#fleet = fleet;
    this.#key = key;
    this.#random = random;
  }

  async startAll(): Promise<void> {
    for (let at = 1; at <= JOBS_A_SITE; at += 1) {
      await pause(this.#random() * BETWEEN_STARTS_MS);
      // Of every size there are some, and more small ones than large ones.
      const size = Math.round(SMALLEST * (LARGEST / SMALLEST) ** (this.#random() ** 2));
      const from = 1 + Math.floor(this.#random() * (LARGEST - size));
      const balance = (id: number) => balanceOf(id, at);
      const body = JSON.stringify(members(size, { from, balance }));
      this.jobIds.push(await this.#startUntilAnswered(body));
      this.#lastStart.fill(at, from, from + size);
    }
  }

  async assertBalances(): Promise<void> {
    const site = new TestSite(await this.#fleet.apiAt(0), this.#key);
    const all = members(LARGEST, { balance: (id) => balanceOf(id, this.#lastStart[id] as number) });
    const carried = (all as ShopMember[]).filter(({ wp_user_id }) => this.#lastStart[wp_user_id] !== 0);
    const shop = new MemberShop(carried, (path, init) => site.fetch(path, init));
    assert.equal(await shop.sendDifferences(), undefined, 'the balances are those of the last starts');
  }

  async #startUntilAnswered(body: string): Promise<string> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    for (let attempt = 0; ; attempt += 1) {
      const site = new TestSite(await this.#fleet.apiAt(attempt), this.#key);
      const path = '/artly/sync/points-balances/start';
      const answer = await site.fetch(path, { method: 'POST', headers, body }).then(read, () => undefined);
      if (answer?.status === 202) return answer.jobId;
      // Nobody answered: the process was killed. No other answer than a passing one is right.
      assert.ok(answer === undefined || answer.status === 503, JSON.stringify(answer));
      this.repeats += 1;
      await pause(100);
    }
  }
}

/** Each start brings another balance to every member. */
function balanceOf(id: number, start: number): number {
  return id * 10 + start;
}

async function read(response: Response): Promise<{ status: number; jobId: string; error?: string }> {
  return { status: response.status, ...((await response.json()) as { jobId: string }) };
}
