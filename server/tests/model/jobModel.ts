import { JOB_MOVES, type JobMove, type JobStatus } from '../../src/domain/job.ts';

/**
 * What the contract says of jobs and balances, in the plainest form: no batches kept, no SQL, no short cuts. The
 * model test compares storage with it after each step.
 */

/** One record, already checked: a balance, a removal (null), or a bad one. */
export type ModelRecord = { key: string; balance: number | null } | 'bad';

/** A small job moves at least every 50 records. */
const MOVE = 50;

export interface ModelJob {
  jobId: string;
  /** The place in the order: when the upload was opened. */
  seq: number;
  line: string;
  records: ModelRecord[];
  status: JobStatus;
  processed: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
  attempt: number;
  failures: number;
  owner: string | null;
  leaseUntil: number;
  /** Not before then, after a failure that may pass. */
  due: number | null;
  endedAt: number | null;
  recordsKept: boolean;
  audit: string[];
}

interface Standing {
  /** null: removed, and remembered. */
  balance: number | null;
  /** The newest job that said something of it. */
  seq: number;
  /** The job that brought it: older than `seq` where a newer one only confirmed it. */
  broughtBy: number;
}

export interface ModelClaim {
  jobId: string;
  attempt: number;
}

export class JobModel {
  readonly jobs: ModelJob[] = [];
  /** How often a record would have changed what a newer job had only confirmed. */
  confirmedKept = 0;
  /** By site, then by member and type. */
  readonly #standing = new Map<string, Map<string, Standing>>();

  /** Makes a job with the place in the order that it was given when its upload was opened. */
  accept(jobId: string, { seq, line, records }: Pick<ModelJob, 'seq' | 'line' | 'records'>): void {
    this.jobs.push({
      jobId,
      seq,
      line,
      records,
      status: 'pending',
      ...NOTHING_DONE,
      attempt: 1,
      failures: 0,
      owner: null,
      leaseUntil: 0,
      due: null,
      endedAt: null,
      recordsKept: true,
      audit: ['created'],
    });
    this.jobs.sort((a, b) => a.seq - b.seq);
  }

  job(jobId: string): ModelJob | undefined {
    return this.jobs.find((job) => job.jobId === jobId);
  }

  /** Whether the job waits for a worker. */
  isDue(job: ModelJob, now: number): boolean {
    if (job.status === 'running') return (job.due ?? job.leaseUntil) <= now;
    return job.status === 'pending' && this.#isFirst(job);
  }

  claim(
    jobId: string,
    { owner, leaseUntil, now }: { owner: string; leaseUntil: number; now: number },
  ): boolean {
    const job = this.job(jobId);
    if (job === undefined) return false;
    if (job.status === 'running' && job.due === null && job.owner === owner) {
      job.leaseUntil = leaseUntil;
      return true;
    }
    if (!this.isDue(job, now)) return false;
    if (job.status === 'running') job.attempt += 1;
    move(job, job.status === 'running' ? 'resumed' : 'started');
    Object.assign(job, { owner, leaseUntil, due: null });
    return true;
  }

  applyNext(claim: ModelClaim, leaseUntil: number): boolean {
    const job = this.#claimed(claim);
    if (job === undefined || job.processed >= job.records.length) return false;
    const batch = job.records.slice(job.processed, job.processed + MOVE);
    job.processed += batch.length;
    job.failures = 0;
    job.leaseUntil = leaseUntil;
    const lastOfEach = new Map<string, number | null>();
    for (const record of batch) {
      if (record === 'bad') job.rejected += 1;
      else {
        if (lastOfEach.has(record.key)) job.unchanged += 1;
        lastOfEach.set(record.key, record.balance);
      }
    }
    for (const [key, balance] of lastOfEach) job[this.#bring(job, key, balance)] += 1;
    return true;
  }

  complete(claim: ModelClaim, now: number): boolean {
    const job = this.#claimed(claim);
    return job !== undefined && job.processed === job.records.length && end(job, 'completed', now);
  }

  fail(claim: ModelClaim, now: number): boolean {
    const job = this.#claimed(claim);
    return job !== undefined && end(job, 'failed', now);
  }

  postpone(claim: ModelClaim, due: number): boolean {
    const job = this.#claimed(claim);
    if (job === undefined) return false;
    move(job, 'postponed');
    job.failures += 1;
    job.due = due;
    return true;
  }

  release(claim: ModelClaim): void {
    const job = this.#claimed(claim);
    if (job !== undefined) Object.assign(job, { owner: null, leaseUntil: 0 });
  }

  cancel(jobId: string, now: number): boolean {
    const job = this.job(jobId);
    return job !== undefined && end(job, 'cancelled', now);
  }

  retry(jobId: string): boolean {
    const job = this.job(jobId);
    if (job === undefined || !job.recordsKept || !move(job, 'retried')) return false;
    Object.assign(job, { ...NOTHING_DONE, attempt: job.attempt + 1, failures: 0, endedAt: null });
    return true;
  }

  dropRecords(endedBefore: number): void {
    for (const job of this.jobs) if ((job.endedAt ?? Infinity) < endedBefore) job.recordsKept = false;
  }

  /** Old jobs go, and with each the memory of what it removed. */
  dropJobs(endedBefore: number): void {
    const gone = this.jobs.filter((job) => !job.recordsKept && (job.endedAt ?? Infinity) < endedBefore);
    for (const job of gone) {
      this.jobs.splice(this.jobs.indexOf(job), 1);
      const balances = this.#balancesOf(job);
      for (const [key, { balance, seq }] of balances) {
        if (balance === null && seq === job.seq) balances.delete(key);
      }
    }
  }

  /** What stands at a site. */
  balances(site: string): Map<string, number> {
    const all = [...(this.#standing.get(site) ?? [])];
    return new Map(all.flatMap(([key, { balance }]) => (balance === null ? [] : [[key, balance]])));
  }

  #bring(job: ModelJob, key: string, balance: number | null): 'inserted' | 'updated' | 'unchanged' {
    const balances = this.#balancesOf(job);
    const before = balances.get(key);
    if (before !== undefined && before.seq > job.seq) {
      if (before.broughtBy < job.seq && before.balance !== balance) this.confirmedKept += 1;
      return 'unchanged';
    }
    const stood = before?.balance ?? null;
    const broughtBy = stood === balance ? (before?.broughtBy ?? job.seq) : job.seq;
    balances.set(key, { balance, seq: job.seq, broughtBy });
    if (stood === balance) return 'unchanged';
    return stood === null ? 'inserted' : 'updated';
  }

  #balancesOf({ line }: ModelJob): Map<string, Standing> {
    const balances = this.#standing.get(line) ?? new Map<string, Standing>();
    this.#standing.set(line, balances);
    return balances;
  }

  #isFirst(job: ModelJob): boolean {
    return !this.jobs.some(
      (other) =>
        other.line === job.line &&
        (other.status === 'running' || (other.status === 'pending' && other.seq < job.seq)),
    );
  }

  #claimed({ jobId, attempt }: ModelClaim): ModelJob | undefined {
    const job = this.job(jobId);
    return job?.status === 'running' && job.attempt === attempt ? job : undefined;
  }
}

const NOTHING_DONE = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };

function end(job: ModelJob, how: 'completed' | 'failed' | 'cancelled', now: number): boolean {
  if (!move(job, how)) return false;
  Object.assign(job, { owner: null, due: null, endedAt: now });
  return true;
}

function move(job: ModelJob, name: JobMove): boolean {
  if (!(JOB_MOVES[name].from as readonly JobStatus[]).includes(job.status)) return false;
  job.status = JOB_MOVES[name].to;
  job.audit.push(name);
  return true;
}
