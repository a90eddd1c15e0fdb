import { freeBytes } from '../domain/ownBuffer.ts';
import { packText } from '../domain/packedText.ts';
import { isReject, type Reject } from '../domain/reject.ts';
import { type RecordRow, type RecordTable, readRecord } from '../jobTypes/jobType.ts';
import type { Settled } from './batchRows.ts';

const [OPEN_BRACKET, CLOSE_BRACKET, COMMA] = [91, 93, 44];
const FIRST_BYTES = 64 * 1024;
/** UTF-8 takes at most so many bytes for what a string counts as one. */
const MOST_BYTES_A_UNIT = 3;
/** What only balances have. */
const NO_BALANCES = { pointsTypes: [], minUserId: 0, maxUserId: 0, removals: '[]', removalCount: 0 };

/**
 * The accepted records of a batch of a type with a table, as the text of their rows. As bytes, since the collector
 * would be busy with so many strings that are kept for a while.
 */
export class TableRows {
  readonly #table: RecordTable;
  /** A bracket, then each row with a comma behind it. The memory is used again for the batch after it. */
  #text = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #textEnd = 1;
  /** By row: where it ends, and its key, if the last one of a key stands. */
  #ends: number[] = [];
  #keys: RecordRow[0][] = [];
  /** Numbers that only rise can't repeat, which spares the search for repeats. */
  #rising = true;

  constructor(table: RecordTable) {
    this.#table = table;
  }

  /** Adds a record as it came, unless it is rejected. */
  add(record: unknown): Reject | undefined {
    const row = readRecord(this.#table, record);
    if (isReject(row)) return row;
    this.#write(JSON.stringify(row));
    if (this.#table.standing === 'last') this.#noteKey(row[0]);
    return undefined;
  }

  /** Gives what was added since the last call. */
  settle(): Settled {
    const standing = this.#rising ? undefined : this.#lastOfEach();
    const rowCount = standing?.length ?? this.#ends.length;
    const rows = packText(standing === undefined ? this.#whole() : this.#textOf(standing));
    this.#textEnd = 1;
    this.#ends = [];
    this.#keys = [];
    this.#rising = true;
    return { rows, rowCount, ...NO_BALANCES };
  }

  /** Gives the memory back: nothing can be added any more. */
  free(): void {
    freeBytes(this.#text);
  }

  #write(row: string): void {
    const needed = this.#textEnd + MOST_BYTES_A_UNIT * row.length + 1;
    if (needed > this.#text.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#text.length));
      this.#text.copy(larger, 0, 0, this.#textEnd);
      freeBytes(this.#text);
      this.#text = larger;
    }
    this.#textEnd += this.#text.write(row, this.#textEnd);
    this.#text[this.#textEnd++] = COMMA;
    this.#ends.push(this.#textEnd);
  }

  #noteKey(key: RecordRow[0]): void {
    const before = this.#keys.at(-1) ?? 0;
    if (typeof key !== 'number' || typeof before !== 'number' || key <= before) this.#rising = false;
    this.#keys.push(key);
  }

  /** The last row of each key, at the place where the first one stood. */
  #lastOfEach(): number[] {
    const last = new Map<RecordRow[0], number>();
    for (const [at, key] of this.#keys.entries()) last.set(key, at);
    return [...last.values()];
  }

  /** The text of all rows, as it lies there. */
  #whole(): Buffer {
    return closed(this.#text, this.#textEnd);
  }

  #textOf(standing: number[]): Buffer {
    const text = Buffer.allocUnsafe(this.#textEnd + 1);
    let end = 1;
    for (const at of standing) {
      end += this.#text.copy(text, end, at === 0 ? 1 : this.#ends[at - 1], this.#ends[at]);
    }
    return closed(text, end);
  }
}

/** The rows in brackets: the last comma gives way to one. */
function closed(text: Buffer, end: number): Buffer {
  const to = Math.max(end, 2);
  text[0] = OPEN_BRACKET;
  text[to - 1] = CLOSE_BRACKET;
  return text.subarray(0, to);
}
