import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { openPostgresStorage } from '../../src/storage/postgresStorage.ts';
import { openSqliteStorage } from '../../src/storage/sqliteStorage.ts';
import type { OpenStorage, Storage } from '../../src/storage/storage.ts';
import { badRecord, batchesOf, member, removal } from '../support/batches.ts';
import { PostgresServer } from '../support/postgresServer.ts';
import { seedOfRun } from '../support/randomness.ts';
import { StorageLine } from '../support/storageLine.ts';
import { JobModel, type ModelClaim, type ModelJob, type ModelRecord } from './jobModel.ts';

const SITES = 2;
const OWNERS = 3;
const LEASE_MS = 100;

/** Some records of one kind, of members in a row. */
const piece = fc.record({
  from: fc.integer({ min: 1, max: 20 }),
  /** Ids that lie far apart are counted in another way than close ones. */
  step: fc.constantFrom(1, 1, 1, 2, 1_000),
  count: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 20, max: 60 })),
  kind: fc.constantFrom('balance', 'balance', 'balance', 'removal', 'bad' as const),
  type: fc.constantFrom('points', 'points', 'gold'),
  balance: fc.integer({ min: 0, max: 1 }),
});
type Piece = typeof piece extends fc.Arbitrary<infer Value> ? Value : never;

const which = fc.nat({ max: 1_000 });
const site = fc.nat({ max: SITES - 1 });
const owner = fc.nat({ max: OWNERS - 1 });
const pieces = fc.array(piece, { minLength: 1, maxLength: 3 });

/** One step; `which` chooses among the jobs, uploads or claims there are. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), site, pieces }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), site }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('accept' as const), which, pieces }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('discard' as const), which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), which, owner }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('turn' as const), which, batches: fc.nat({ max: 4 }) }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('runDue' as const), owner }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sendAgain' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('overtake' as const), which, owner }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('complete' as const, 'fail' as const, 'postpone' as const, 'release' as const),
      which,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('retry' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 60, 100, 500) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('dropRecords' as const, 'dropJobs' as const, 'dropJobs' as const),
      age: fc.constantFrom(0, 200),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** If the random steps never came to these, the test would prove little. */
const MUST_BE_SEEN = [
  ...['completed', 'failed', 'cancelled', 'started', 'resumed', 'postponed', 'retried'],
  ...[
    'late worker refused',
    'newer record kept',
    'records dropped',
    'job dropped',
    'older job runs after newer',
    'confirmed record kept',
  ],
];

interface Proof {
  runs: number;
  /** Each run has storage of its own. */
  open: () => Promise<OpenStorage>;
  mustBeSeen: string[];
}

function provesStorage(name: string, { runs, open, mustBeSeen }: Proof): void {
  test(`storage on ${name} does what the contract says, in ${runs} runs of random steps`, async (t) => {
    const seed = seedOfRun();
    t.diagnostic(`seed ${seed}`);
    const seen = new Map<string, number>();
    const run = fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 80 }), async (steps) => {
      const { storage, close } = await open();
      try {
        const world = await World.open(storage, seen);
        for (const it of steps) {
          await world.take(it);
          await world.compare();
        }
      } finally {
        await close();
      }
    });
    await fc.assert(run, {
      seed,
      numRuns: runs,
      interruptAfterTimeLimit: 120_000,
      markInterruptAsFailure: true,
    });
    t.diagnostic([...seen].map(([what, count]) => `${what} ${count}`).join(', '));
    for (const what of mustBeSeen) assert.ok((seen.get(what) ?? 0) > 0, `no run came to: ${what}`);
  });
}

provesStorage('SQLite', {
  runs: 250,
  open: async () => openSqliteStorage({ path: ':memory:' }),
  mustBeSeen: MUST_BE_SEEN,
});

describe('on PostgreSQL', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.remove());
  provesStorage('PostgreSQL', {
    // A database for each takes its time. That the steps come to all that is rare, the many runs above have shown.
    runs: 20,
    open: async () => openPostgresStorage({ url: await server.database() }),
    mustBeSeen: ['started', 'completed', 'cancelled', 'retried'],
  });
});

/** The storage and the model, side by side. */
class World {
  readonly #lines: StorageLine[];
  readonly #storage: Storage;
  readonly #seen: Map<string, number>;
  readonly #model = new JobModel();
  /** Uploads that are open: their places in the order are those of their opening. */
  readonly #uploads: { jobId: string; seq: number; site: number }[] = [];
  readonly #claims: ModelClaim[] = [];
  readonly #sent: { site: number; pieces: Piece[] }[] = [];
  readonly #gone: string[] = [];
  readonly #versions = new Map<string, number>();
  #lastSeq = 0;
  #now = 1_000_000;

  private constructor(storage: Storage, lines: StorageLine[], seen: Map<string, number>) {
    this.#storage = storage;
    this.#lines = lines;
    this.#seen = seen;
  }

  static async open(storage: Storage, seen: Map<string, number>): Promise<World> {
    const lines = [];
    for (let at = 0; at < SITES; at += 1) lines.push(await StorageLine.open(storage, 1_000_000));
    return new World(storage, lines, seen);
  }

  async take(it: Step): Promise<void> {
    switch (it.do) {
      case 'start':
        await this.#open(it.site);
        return this.#accept(this.#uploads.length - 1, it.pieces);
      case 'sendAgain':
        return this.#sendAgain(it.which);
      case 'overtake':
        return this.#overtake(it.which, it.owner);
      case 'open':
        return this.#open(it.site);
      case 'accept':
        return this.#accept(it.which, it.pieces);
      case 'discard':
        return this.#discard(it.which);
      case 'claim':
        return this.#claim(this.#pickJob(it.which)?.jobId, it.owner);
      case 'turn':
        return this.#turn(pick(this.#claims, it.which), it.batches);
      case 'runDue':
        return this.#runDue(it.owner);
      case 'wait':
        this.#now += it.ms;
        for (const line of this.#lines) line.now = this.#now;
        return;
      case 'cancel':
      case 'retry':
        return this.#ask(it.do, this.#pickJobFor(it.do, it.which));
      case 'dropRecords':
        return this.#drop('dropRecords', this.#now - it.age);
      case 'dropJobs':
        // A job whose records are kept stays: so mostly both are dropped, as the sweep does.
        if (it.age === 0) await this.#drop('dropRecords', this.#now);
        return this.#drop('dropJobs', this.#now - it.age);
      default:
        return this.#end(it.do, pick(this.#claims, it.which));
    }
  }

  /** Fails where storage and model differ in anything that can be seen. */
  async compare(): Promise<void> {
    for (const [at, line] of this.#lines.entries()) {
      const listed = await this.#storage.listJobs({
        siteId: line.siteId,
        type: null,
        status: null,
        cursor: null,
        limit: 1_000,
      });
      const expected = this.#model.jobs.filter((job) => job.line === String(at)).reverse();
      assert.deepEqual(listed.map(visible), expected.map(visible));
      for (const { jobId, version } of listed) {
        assert.ok(version >= (this.#versions.get(jobId) ?? 1), 'versions only grow');
        this.#versions.set(jobId, version);
      }
      const balances = new Map(
        [...this.#model.balances(String(at))].map(([key, value]) => [key, BigInt(value) * 10_000n]),
      );
      assert.deepEqual(await line.balances(), balances);
    }
    const due = this.#model.jobs.filter((job) => this.#model.isDue(job, this.#now)).map(({ jobId }) => jobId);
    assert.deepEqual(await this.#storage.listDue({ now: this.#now, limit: 1_000 }), due);
    for (const job of this.#model.jobs) await this.#compareParts(job);
    for (const jobId of this.#gone) assert.deepEqual(await this.#storage.listAudit({ jobId }), []);
  }

  async #compareParts({ jobId, audit, records, processed, recordsKept }: ModelJob): Promise<void> {
    const entries = await this.#storage.listAudit({ jobId });
    assert.deepEqual(
      entries.map(({ event }) => event),
      audit,
    );
    assert.equal(await this.#storage.hasRecords({ jobId }), recordsKept);
    const bad = [...records.entries()].filter(([index, record]) => record === 'bad' && index < processed);
    const rejects = await this.#storage.listRejects({ jobId, afterIndex: -1, limit: 1_000 });
    assert.deepEqual(
      rejects.map(({ index }) => index),
      bad.map(([index]) => index),
    );
  }

  async #open(at: number): Promise<void> {
    const jobId = await this.#line(at).upload();
    this.#lastSeq += 1;
    this.#uploads.push({ jobId, seq: this.#lastSeq, site: at });
  }

  async #accept(which: number, all: Piece[]): Promise<void> {
    const upload = pick(this.#uploads, which);
    if (upload === undefined) return;
    this.#uploads.splice(this.#uploads.indexOf(upload), 1);
    const [first = [], ...rest] = all.map(bodyOf);
    const { jobId, seq, site } = upload;
    this.#sent.push({ site, pieces: all });
    // The whole body is cut into batches at once, but kept in two steps.
    const batches = batchesOf([...first, ...rest.flat()]);
    await this.#storage.stage({ jobId, batches: batches.slice(0, 1), now: this.#now });
    const actor = { name: 'test', ip: null };
    await this.#storage.accept({ jobId, batches: batches.slice(1), actor, now: this.#now });
    this.#model.accept(jobId, { seq, line: String(site), records: all.flatMap(recordsOf) });
  }

  /** What a shop does every day: most of what it sends is what it sent before. */
  async #sendAgain(which: number): Promise<void> {
    const before = pick(this.#sent, which);
    if (before === undefined) return;
    await this.#open(before.site);
    await this.#accept(this.#uploads.length - 1, before.pieces);
  }

  /** A slow upload of other values, and a job that was opened later and sends the same as before. */
  async #overtake(which: number, owner: number): Promise<void> {
    const before = pick(this.#sent, which);
    if (before === undefined) return;
    await this.#open(before.site);
    await this.#sendAgain(which);
    await this.#runDue(owner);
    const others = before.pieces.map((it) => ({ ...it, balance: 1 - it.balance }));
    await this.#accept(this.#uploads.length - 1, others);
  }

  async #discard(which: number): Promise<void> {
    const upload = pick(this.#uploads, which);
    if (upload === undefined) return;
    this.#uploads.splice(this.#uploads.indexOf(upload), 1);
    await this.#storage.discardUpload({ jobId: upload.jobId });
  }

  async #claim(jobId: string | undefined, at: number): Promise<void> {
    if (jobId === undefined) return;
    const owner = `worker-${at}`;
    const job = await this.#storage.claim({ jobId, owner, leaseMs: LEASE_MS, now: this.#now });
    const given = this.#model.claim(jobId, { owner, leaseUntil: this.#now + LEASE_MS, now: this.#now });
    assert.equal(job !== undefined, given, `claim of ${jobId}`);
    if (job === undefined) return;
    this.#note(this.#model.job(jobId)?.audit.at(-1) ?? '');
    this.#claims.push({ jobId, attempt: job.attempt });
  }

  /** Claims are kept for ever, so that the worker may be very late. */
  async #turn(claim: ModelClaim | undefined, batches: number): Promise<void> {
    if (claim === undefined) return;
    const before = this.#model.job(claim.jobId);
    for (let batch = 0; batch <= batches; batch += 1) {
      const job = await this.#storage.applyNext({ ...claim, leaseMs: LEASE_MS, now: this.#now });
      const older = before !== undefined && this.#isOlder(before);
      const unchanged = before?.unchanged ?? 0;
      const confirmed = this.#model.confirmedKept;
      const applied = this.#model.applyNext(claim, this.#now + LEASE_MS);
      if (this.#model.confirmedKept > confirmed) this.#note('confirmed record kept');
      assert.equal(job !== undefined, applied, `a batch of ${claim.jobId}, attempt ${claim.attempt}`);
      if (!applied) {
        if (before === undefined || before.attempt > claim.attempt) this.#note('late worker refused');
        return;
      }
      if (older) this.#note('older job runs after newer');
      if (older && (before?.unchanged ?? 0) > unchanged) this.#note('newer record kept');
    }
  }

  /** What a server does: takes what is due and works on it to its end. */
  async #runDue(owner: number): Promise<void> {
    const [jobId] = await this.#storage.listDue({ now: this.#now, limit: 1 });
    if (jobId === undefined) return;
    await this.#claim(jobId, owner);
    const claim = this.#claims.at(-1);
    await this.#turn(claim, 10);
    await this.#end('complete', claim);
  }

  async #end(
    how: 'complete' | 'fail' | 'postpone' | 'release',
    claim: ModelClaim | undefined,
  ): Promise<void> {
    if (claim === undefined) return;
    const now = this.#now;
    if (how === 'release') {
      await this.#storage.release(claim);
      return this.#model.release(claim);
    }
    const line = this.#line(0);
    const [job, moved] = {
      complete: () => [line.complete(claim), this.#model.complete(claim, now)] as const,
      fail: () => [line.fail(claim), this.#model.fail(claim, now)] as const,
      postpone: () => [line.postpone(claim, LEASE_MS), this.#model.postpone(claim, now + LEASE_MS)] as const,
    }[how]();
    assert.equal((await job) !== undefined, moved, `${how} of ${claim.jobId}, attempt ${claim.attempt}`);
    if (moved) this.#note(this.#model.job(claim.jobId)?.audit.at(-1) ?? '');
  }

  async #ask(what: 'cancel' | 'retry', job: ModelJob | undefined): Promise<void> {
    if (job === undefined) return;
    const { jobId, line } = job;
    const moved = what === 'cancel' ? this.#model.cancel(jobId, this.#now) : this.#model.retry(jobId);
    assert.equal((await this.#line(Number(line))[what](jobId)) !== undefined, moved, `${what} of ${jobId}`);
    if (moved) this.#note(what === 'cancel' ? 'cancelled' : 'retried');
  }

  async #drop(what: 'dropRecords' | 'dropJobs', endedBefore: number): Promise<void> {
    while (await this.#storage[what]({ endedBefore, limit: 3 }));
    const kept = this.#model.jobs.filter(({ recordsKept }) => recordsKept).length;
    const before = this.#model.jobs.map(({ jobId }) => jobId);
    this.#model[what](endedBefore);
    if (this.#model.jobs.filter(({ recordsKept }) => recordsKept).length < kept)
      this.#note('records dropped');
    for (const jobId of before.filter((it) => this.#model.job(it) === undefined)) {
      this.#gone.push(jobId);
      this.#note('job dropped');
    }
  }

  #isOlder({ line, seq }: ModelJob): boolean {
    return this.#model.jobs.some((job) => job.line === line && job.seq > seq && job.processed > 0);
  }

  /** Mostly a job that can be cancelled or retried, and sometimes any. */
  #pickJobFor(what: 'cancel' | 'retry', which: number): ModelJob | undefined {
    const may = this.#model.jobs.filter(
      ({ status }) =>
        (status === 'failed' || status === 'cancelled') === (what === 'retry') && status !== 'completed',
    );
    return pick(which % 5 === 0 ? this.#model.jobs : may, which);
  }

  #pickJob(which: number): ModelJob | undefined {
    return pick(this.#model.jobs, which);
  }

  #line(at: number): StorageLine {
    return this.#lines[at] as StorageLine;
  }

  #note(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }
}

function visible(
  job: Pick<
    ModelJob,
    | 'jobId'
    | 'status'
    | 'attempt'
    | 'failures'
    | 'processed'
    | 'inserted'
    | 'updated'
    | 'unchanged'
    | 'rejected'
  >,
) {
  const { jobId, status, attempt, failures, processed, inserted, updated, unchanged, rejected } = job;
  return { jobId, status, attempt, failures, processed, inserted, updated, unchanged, rejected };
}

function pick<Item>(items: Item[], which: number): Item | undefined {
  return items.length === 0 ? undefined : items[which % items.length];
}

function idsOf({ from, step, count }: Piece): number[] {
  return Array.from({ length: count }, (_, at) => from + at * step);
}

/** The records as they are sent. */
function bodyOf(all: Piece): object[] {
  const { kind, type, balance } = all;
  return idsOf(all).map((id) => {
    if (kind === 'bad') return badRecord(id);
    return kind === 'removal' ? removal(id, type) : member(id, balance, type);
  });
}

/** The same records as the model takes them. */
function recordsOf(all: Piece): ModelRecord[] {
  const { kind, type, balance } = all;
  if (kind === 'bad') return idsOf(all).map(() => 'bad');
  return idsOf(all).map((id) => ({ key: `${id} ${type}`, balance: kind === 'removal' ? null : balance }));
}
