import type { BatchBuilder } from './batchBuilder.ts';
import { PlainRecord } from './plainRecord.ts';

const [LINE_FEED, COMMA] = [10, 44];
/** Odd records at the beginning of a piece that say nothing about the rest of it. */
const PATIENCE = 8;

/**
 * The short way of a record: from the bytes of a piece straight into its batch. The readers offer it each record first,
 * and take the long way where it declines.
 */
export class ShortWay {
  readonly #builder: BatchBuilder;
  readonly #maxRecords: number;
  readonly #record: PlainRecord;
  readonly #separator: number;
  #taken = 0;
  #declined = 0;

  constructor(builder: BatchBuilder, { ndjson, maxRecords }: { ndjson: boolean; maxRecords: number }) {
    this.#builder = builder;
    this.#maxRecords = maxRecords;
    this.#record = new PlainRecord({ ndjson });
    this.#separator = ndjson ? LINE_FEED : COMMA;
  }

  /** Whether the next record is one too many. */
  get full(): boolean {
    return this.#builder.total >= this.#maxRecords;
  }

  /** Whether so many are odd (a third) that it is quicker to read the rest of this piece at once. */
  get manyDeclined(): boolean {
    return this.#declined > PATIENCE + this.#taken / 2;
  }

  startPiece(): void {
    this.#taken = 0;
    this.#declined = 0;
  }

  /**
   * Takes the record at `from` if it is plain and a separator stands behind it, or `end` is there. Gives that place; -1
   * where it declines.
   */
  take(bytes: Buffer, from: number, end: number): number {
    const to = this.full ? -1 : this.#record.read(bytes, from);
    if (to < 0 || to > end || (to < end && bytes[to] !== this.#separator)) {
      this.#declined += 1;
      return -1;
    }
    this.#taken += 1;
    this.#builder.addPlain(this.#record);
    return to;
  }
}
