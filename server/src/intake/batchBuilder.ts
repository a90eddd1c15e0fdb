import type { Batch, KeptReject, RejectedRecord } from '../domain/batch.ts';
import { batchCapacityFor } from '../domain/batchSize.ts';
import type { JobType } from '../jobTypes/jobType.ts';
import { BatchRows } from './batchRows.ts';
import type { PlainRecord } from './plainRecord.ts';
import { TableRows } from './tableRows.ts';

interface BatchPlan {
  type: JobType;
  maxRejects: number;
  expectedTotal?: number;
}

/** A rejected record longer than this is not kept to be tried again: thousands of them may come. */
const LONGEST_KEPT_RECORD = 1_024;

/** Makes batches of the records of one job, in their order, with the reasons of the first `maxRejects` rejected ones. */
export class BatchBuilder {
  #total = 0;
  #plain = 0;
  readonly #expectedTotal: number;
  #capacity: number;
  #mayReject: number;
  readonly #rows: BatchRows | TableRows;
  #open: OpenBatch;
  #finished: Batch[] = [];

  constructor({ type: { table }, maxRejects, expectedTotal = 0 }: BatchPlan) {
    this.#expectedTotal = expectedTotal;
    this.#capacity = batchCapacityFor(expectedTotal);
    this.#mayReject = maxRejects;
    this.#rows = table === null ? new BatchRows({ records: this.#capacity }) : new TableRows(table);
    this.#open = new OpenBatch(this.#rows, maxRejects);
  }

  /** Records taken so far. */
  get total(): number {
    return this.#total;
  }

  /** Those of them that came by `addPlain`. */
  get plain(): number {
    return this.#plain;
  }

  add(record: unknown): void {
    this.#open.add(record, this.#total);
    this.#countOne();
  }

  /** Adds a balance that is known to be right. */
  addPlain(record: PlainRecord): void {
    this.#open.addPlain(record);
    this.#plain += 1;
    this.#countOne();
  }

  close(): void {
    this.#rows.free();
  }

  #countOne(): void {
    this.#total += 1;
    if (this.#open.count >= this.#capacity) this.#close();
  }

  /** The batches finished since the last call. */
  take(): Batch[] {
    const batches = this.#finished;
    this.#finished = [];
    return batches;
  }

  /** Finishes the batch in hand and gives what is left. */
  end(): Batch[] {
    if (this.#open.count > 0) this.#close();
    return this.take();
  }

  #close(): void {
    const batch = this.#open.finish();
    this.#finished.push(batch);
    this.#mayReject -= batch.rejects.length;
    this.#open = new OpenBatch(this.#rows, this.#mayReject);
    this.#capacity = batchCapacityFor(Math.max(this.#expectedTotal, this.#total));
  }
}

/** The batch in hand: what is accepted lies in the rows, which batches take turns with. */
class OpenBatch {
  count = 0;
  readonly #rows: BatchRows | TableRows;
  readonly #mayReject: number;
  #rejects: KeptReject[] = [];
  #rejectCount = 0;
  #rejectedUserIds: number[] = [];

  constructor(rows: BatchRows | TableRows, mayReject: number) {
    this.#rows = rows;
    this.#mayReject = mayReject;
  }

  add(record: unknown, index: number): void {
    this.count += 1;
    const reject = this.#rows.add(record);
    if (reject !== undefined) this.#reject({ index, ...reject }, record);
  }

  addPlain(record: PlainRecord): void {
    this.count += 1;
    // Only balances have a short way.
    (this.#rows as BatchRows).addPlain(record);
  }

  #reject(reject: RejectedRecord, record: unknown): void {
    this.#rejectCount += 1;
    if (reject.wpUserId !== null) this.#rejectedUserIds.push(reject.wpUserId);
    if (this.#rejects.length < this.#mayReject) this.#rejects.push({ ...reject, record: keptText(record) });
  }

  finish(): Batch {
    return {
      count: this.count,
      ...this.#rows.settle(),
      rejects: this.#rejects,
      rejectCount: this.#rejectCount,
      rejectedUserIds: this.#rejectedUserIds,
    };
  }
}

function keptText(record: unknown): string | null {
  try {
    const text = JSON.stringify(record);
    return text.length <= LONGEST_KEPT_RECORD ? text : null;
  } catch (error) {
    // Nested so deeply that it can be read, but not be written again.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
