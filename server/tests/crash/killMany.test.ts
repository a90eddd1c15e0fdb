import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { JobWatch } from '../support/jobWatch.ts';
import { seededRandom, seedOfRun } from '../support/randomness.ts';
import { PROCESS_KEY, ServerProcess } from '../support/serverProcess.ts';
import { hasEnded, type JobJson, TestSite, temporaryFolder } from '../support/testServer.ts';

const KILLS = 50;
const RECORDS = 300_000;
/** A prime above the number of records: multiples of another number by it are ids in no order, none twice. */
const SPREAD = 300_007;
/** A kill comes this long after the server listens, if the job lasts that long. */
const SOONEST_MS = 20;
const LATEST_MS = 250;
/** More than a server settles in a millisecond, to begin with: what is seen raises it. */
const FIRST_SPEED = 100;

test(`a job of ${RECORDS} records outlives ${KILLS} kills at random moments, with nothing lost or doubled`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed}`);
  const databaseFile = join(await temporaryFolder(t), 'artly.db');
  const lives = new Lives(t, { databaseFile, random: seededRandom(seed) });
  const jobId = await lives.start(records());

  let whileRunning = 0;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await lives.liveAndDie(jobId, { killsLeft: KILLS - kill });
    if (unfinished(databaseFile, jobId)) whileRunning += 1;
  }
  const { site, job } = await lives.liveOn(jobId);

  const { seen, moments } = lives;
  t.diagnostic(`${whileRunning} of ${KILLS} kills fell while the job ran, after ${moments.join(', ')} ms`);
  t.diagnostic(`${job.attempt} attempts, ${seen} states seen`);
  assert.equal(whileRunning, KILLS, 'every kill fell while the job ran');
  assert.equal(job.status, 'completed');
  assert.deepEqual([job.inserted, job.processed, job.total], [RECORDS, RECORDS, RECORDS]);
  const expected = new Map(records().map((it) => [`${it.wp_user_id} points`, `${it.points_balance}`]));
  const balances = await site.balances();
  assert.equal(balances.size, RECORDS);
  for (const [key, balance] of expected) assert.equal(balances.get(key), balance, key);
});

/** The lives of a server on one database: each but the last ends by a kill. */
class Lives {
  readonly #test: TestContext;
  readonly #databaseFile: string;
  readonly #random: () => number;
  readonly #watch = new JobWatch();
  #living: { server: ServerProcess; site: TestSite } | undefined;
  /** The most records that a server was seen to settle in a millisecond. */
  #speed = FIRST_SPEED;
  /** How long each life lasted, in milliseconds. */
  readonly moments: number[] = [];

  constructor(test: TestContext, { databaseFile, random }: { databaseFile: string; random: () => number }) {
    this.#test = test;
    this.#databaseFile = databaseFile;
    this.#random = random;
  }

  get seen(): number {
    return this.#watch.seen;
  }

  /** Starts the job: its first life has begun then. */
  async start(all: object[]): Promise<string> {
    this.#living = await this.#begin();
    return this.#living.site.start(all);
  }

  async liveAndDie(jobId: string, { killsLeft }: { killsLeft: number }): Promise<void> {
    const { server, site } = this.#living ?? (await this.#begin());
    this.#living = undefined;
    const bornAt = performance.now();
    const first = await site.job(jobId);
    this.#watch.see(first);
    const left = first.total - first.processed;
    // No more than this life's part of the rest: all kills are to fall within the job.
    const part = (left / (killsLeft + 2)) * 1.5;
    const latest = Math.min(LATEST_MS, part / this.#speed);
    const soonest = Math.min(SOONEST_MS, latest / 2);
    const moment = soonest + this.#random() * (latest - soonest);
    const death = new Promise((resolve) => setTimeout(resolve, moment)).then(() => server.stop('SIGKILL'));
    const last = await this.#watchUntilDeath(site, jobId);
    assert.equal((await death).signal, 'SIGKILL', server.complaints.join(''));
    this.#speed = Math.max(this.#speed, (last.processed - first.processed) / (performance.now() - bornAt));
    this.moments.push(Math.round(moment));
  }

  async liveOn(jobId: string): Promise<{ site: TestSite; job: JobJson }> {
    const { site } = await this.#begin();
    return { site, job: await site.waitFor(jobId, hasEnded, this.#watch.see) };
  }

  /** Asks as fast as it is answered; that no answer comes is the death. */
  async #watchUntilDeath(site: TestSite, jobId: string): Promise<JobJson> {
    while (true) {
      const job = await site.job(jobId).catch((error: unknown) => {
        if (error instanceof TypeError || error instanceof SyntaxError) return undefined;
        throw error;
      });
      if (job === undefined) return this.#watch.last;
      this.#watch.see(job);
    }
  }

  async #begin(): Promise<{ server: ServerProcess; site: TestSite }> {
    const { server, url } = await ServerProcess.start(this.#test, { databaseFile: this.#databaseFile });
    return { server, site: new TestSite(url, PROCESS_KEY) };
  }
}

/** Whether the job had not ended when the server died, as the committed row says. */
function unfinished(databaseFile: string, jobId: string): boolean {
  const db = new DatabaseSync(databaseFile, { readOnly: true });
  try {
    const { status } = db.prepare('SELECT status FROM jobs WHERE job_id = ?').get(jobId) as {
      status: string;
    };
    return status === 'pending' || status === 'running';
  } finally {
    db.close();
  }
}

function records(): { wp_user_id: number; email: string; points_balance: number }[] {
  return Array.from({ length: RECORDS }, (_, at) => {
    const id = ((at + 1) * 7_919) % SPREAD;
    return { wp_user_id: id, email: `member${id}@shop.example`, points_balance: id * 10 };
  });
}
