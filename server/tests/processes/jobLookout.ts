import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const LOOK_EVERY_MS = 200;

export interface SeenJob {
  jobId: string;
  siteId: number;
  status: string;
  attempt: number;
  version: number;
  processed: number;
  /** Until when the claim holds; it moves with each turn that the job is given. */
  leaseUntil: number | null;
  settled: number;
}

interface Standing extends SeenJob {
  sinceMs: number;
}

/**
 * Watches the rows of all jobs from outside, and measures how long one stood still. A job stands still while it runs,
 * or is the first of its line, and no worker has it: neither its version moves, as it does with every batch, nor its
 * lease, as it does with every turn. Who waits behind another job of its site does not stand still.
 */
export class JobLookout {
  readonly #url: string;
  readonly #stopping = new AbortController();
  readonly #standing = new Map<string, Standing>();
  #client: pg.Client | undefined;
  #running: Promise<void> = Promise.resolve();
  jobs: SeenJob[] = [];
  longestMs = 0;
  /** The longest that one stood still, for a person. */
  longest = 'none';
  looks = 0;
  #failure: unknown;

  constructor(databaseUrl: string) {
    this.#url = databaseUrl;
  }

  start(): this {
    this.#running = this.#repeat();
    return this;
  }

  /** What stood still until now does not count: the cause of it has just ended. */
  forget(): void {
    this.#standing.clear();
    this.longestMs = 0;
    this.longest = 'none';
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#client?.end();
  }

  /** Resolves when there are `count` jobs and all have ended. */
  untilAllEnded(count: number, withinMs: number): Promise<SeenJob[]> {
    return this.until((jobs) => jobs.length === count && !jobs.some(isOpen), withinMs);
  }

  /** Resolves when the jobs are so; fails when that takes too long, or when one breaks a rule. */
  async until(done: (jobs: SeenJob[]) => boolean, withinMs = 60_000): Promise<SeenJob[]> {
    const deadline = Date.now() + withinMs;
    while (!done(this.jobs)) {
      if (this.#failure !== undefined) throw this.#failure;
      if (Date.now() > deadline) assert.fail(`it did not come to that: ${JSON.stringify(this.jobs)}`);
      await pause(LOOK_EVERY_MS);
    }
    return this.jobs;
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        this.#see(await this.#read());
      } catch (error) {
        if (error instanceof assert.AssertionError) this.#failure ??= error;
        // While the database is away, nobody can move: it counts from when it is back.
        else this.#away();
      }
      await pause(LOOK_EVERY_MS);
    }
  }

  async #read(): Promise<SeenJob[]> {
    if (this.#client === undefined) {
      const client = new pg.Client({ connectionString: this.#url, application_name: 'lookout' });
      client.on('error', () => undefined);
      await client.connect();
      this.#client = client;
    }
    const { rows } = await this.#client.query(
      `SELECT job_id AS "jobId", site_id AS "siteId", status, attempt, version::integer, processed::integer,
         lease_until AS "leaseUntil", (inserted + updated + unchanged + rejected)::integer AS settled
       FROM artly.jobs WHERE accepted ORDER BY job_seq`,
    );
    return rows;
  }

  #away(): void {
    this.#client?.end().catch(() => undefined);
    this.#client = undefined;
    this.#standing.clear();
  }

  #see(jobs: SeenJob[]): void {
    const before = new Map(this.jobs.map((job) => [job.jobId, job]));
    this.jobs = jobs;
    this.looks += 1;
    const now = performance.now();
    const busySites = new Set(jobs.filter(({ status }) => status === 'running').map(({ siteId }) => siteId));
    for (const job of jobs) {
      assertMayFollow(before.get(job.jobId), job);
      const first = job.status === 'running' || (job.status === 'pending' && !busySites.has(job.siteId));
      if (job.status === 'pending') busySites.add(job.siteId);
      this.#measure(job, { first, now });
    }
  }

  #measure(job: SeenJob, { first, now }: { first: boolean; now: number }): void {
    const known = this.#standing.get(job.jobId);
    if (!first) this.#standing.delete(job.jobId);
    else if (known?.version !== job.version || known.leaseUntil !== job.leaseUntil)
      this.#standing.set(job.jobId, { ...job, sinceMs: now });
    else if (now - known.sinceMs > this.longestMs) {
      this.longestMs = now - known.sinceMs;
      this.longest = `${Math.round(this.longestMs)} ms, ${job.status} in attempt ${job.attempt} at ${job.processed} records`;
    }
  }
}

function isOpen({ status }: SeenJob): boolean {
  return status === 'pending' || status === 'running';
}

function assertMayFollow(before: SeenJob | undefined, after: SeenJob): void {
  assert.equal(after.settled, after.processed, 'the counts add up to processed');
  if (before === undefined) return;
  assert.ok(after.version >= before.version && after.attempt >= before.attempt, 'versions and attempts grow');
  if (after.attempt === before.attempt)
    assert.ok(after.processed >= before.processed, 'progress never falls');
  if (!isOpen(before)) assert.deepEqual(after, before, 'a job that has ended stays as it is');
}
