import type { Batch, RejectedRecord } from '../domain/batch.ts';
import { batchSizeFor } from '../domain/batchSize.ts';
import { type BalanceRecord, checksumOf } from '../domain/checksum.ts';
import { packText } from '../domain/packedText.ts';
import { isReject, type PointsBalance, readPointsBalance } from '../domain/pointsBalance.ts';

/** Makes batches of the records of one job, in their order, with the reasons of the first `maxRejects` rejected ones. */
export class BatchBuilder {
  #total = 0;
  readonly #expectedTotal: number;
  #capacity: number;
  #mayReject: number;
  #open: OpenBatch;
  #finished: Batch[] = [];

  constructor({ maxRejects, expectedTotal = 0 }: { maxRejects: number; expectedTotal?: number }) {
    this.#expectedTotal = expectedTotal;
    this.#capacity = batchSizeFor(expectedTotal);
    this.#mayReject = maxRejects;
    this.#open = new OpenBatch(maxRejects);
  }

  /** Records taken so far. */
  get total(): number {
    return this.#total;
  }

  add(record: unknown): void {
    this.#open.add(record, this.#total);
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
    this.#open = new OpenBatch(this.#mayReject);
    this.#capacity = batchSizeFor(Math.max(this.#expectedTotal, this.#total));
  }
}

class OpenBatch {
  count = 0;
  #records: PointsBalance[] = [];
  readonly #mayReject: number;
  #rejects: RejectedRecord[] = [];
  #rejectCount = 0;
  #rejectedUserIds: number[] = [];
  /** Ids that only rise can't repeat, which spares the search for repeats; shops send them in that order. */
  #rising = true;
  #highestId = 0;

  constructor(mayReject: number) {
    this.#mayReject = mayReject;
  }

  add(record: unknown, index: number): void {
    this.count += 1;
    const reading = readPointsBalance(record);
    if (isReject(reading)) {
      this.#reject({ index, ...reading });
      return;
    }
    if (reading.wpUserId <= this.#highestId) this.#rising = false;
    else this.#highestId = reading.wpUserId;
    this.#records.push(reading);
  }

  #reject(reject: RejectedRecord): void {
    this.#rejectCount += 1;
    if (reject.wpUserId !== null) this.#rejectedUserIds.push(reject.wpUserId);
    if (this.#rejects.length < this.#mayReject) this.#rejects.push(reject);
  }

  finish(): Batch {
    const records = this.#rising ? this.#records : lastOfEach(this.#records);
    const pointsTypes = typesOf(records);
    const rows: string[] = [];
    const removals: string[] = [];
    let [minUserId, maxUserId] = [Infinity, 0];
    for (const record of records) {
      if (!setsBalance(record)) {
        removals.push(removalText(record));
        continue;
      }
      rows.push(rowText(record, pointsTypes.length > 1));
      if (record.wpUserId < minUserId) minUserId = record.wpUserId;
      if (record.wpUserId > maxUserId) maxUserId = record.wpUserId;
    }
    return {
      count: this.count,
      rows: packText(`[${rows.join(',')}]`),
      rowCount: rows.length,
      pointsTypes,
      minUserId: rows.length === 0 ? 0 : minUserId,
      maxUserId,
      removals: `[${removals.join(',')}]`,
      removalCount: removals.length,
      rejects: this.#rejects,
      rejectCount: this.#rejectCount,
      rejectedUserIds: this.#rejectedUserIds,
    };
  }
}

/** Of the records of one member and type, the last one stands. */
function lastOfEach(records: PointsBalance[]): PointsBalance[] {
  const last = new Map<string, PointsBalance>();
  for (const record of records) last.set(`${record.wpUserId} ${record.pointsType}`, record);
  return [...last.values()];
}

function setsBalance(record: PointsBalance): record is BalanceRecord {
  return record.tenThousandths !== null;
}

/** The types of points that the records set. */
function typesOf(records: PointsBalance[]): string[] {
  return [...new Set(records.filter(setsBalance).map(({ pointsType }) => pointsType))];
}

function rowText(record: BalanceRecord, severalTypes: boolean): string {
  const { wpUserId, email, pointsType, tenThousandths } = record;
  const type = severalTypes ? `,${JSON.stringify(pointsType)}` : '';
  return `[${wpUserId},${JSON.stringify(email)},${tenThousandths},${checksumOf(record)}${type}]`;
}

function removalText({ wpUserId, pointsType }: PointsBalance): string {
  return `[${wpUserId},${JSON.stringify(pointsType)}]`;
}
