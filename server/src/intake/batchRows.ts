import type { Batch } from '../domain/batch.ts';
import type { BalanceRecord } from '../domain/checksum.ts';
import { freeBytes } from '../domain/ownBuffer.ts';
import { packText } from '../domain/packedText.ts';
import { DEFAULT_POINTS_TYPE, type PointsBalance } from '../domain/pointsBalance.ts';
import { isReject, type Reject } from '../domain/reject.ts';
import { readPointsBalance } from '../jobTypes/pointsBalances.ts';
import type { PlainRecord } from './plainRecord.ts';
import { LONGEST_PLAIN_ROW, roomForDraft, rowDraft, writeDraft, writePlainRow } from './rowBytes.ts';

const [COMMA, OPEN_BRACKET, CLOSE_BRACKET] = [44, 91, 93];
const USUAL_ROW_BYTES = 64;
/** Types of points that are known by their bytes: more of them would take long to look through. */
const TYPES_BY_BYTES = 8;

/** What rows and removals are of a batch. */
export type Settled = Pick<
  Batch,
  'rows' | 'rowCount' | 'pointsTypes' | 'minUserId' | 'maxUserId' | 'removals' | 'removalCount'
>;

/**
 * The accepted balances of a batch in their order, in the form in which they are kept: the text of their rows, as bytes,
 * and beside it what is needed to leave rows out again. The memory is used again for the batch after it.
 */
export class BatchRows {
  /** A bracket, then each row with a comma behind it. */
  #text: Buffer;
  #textEnd = 0;
  /** By record: the member, the place of the type in `#types`, and where the row ends. A removal has an empty row. */
  #ids: Float64Array;
  #typeOf: Uint16Array;
  #ends: Uint32Array;
  #inOrder: Uint32Array;
  #count = 0;
  #types: { name: string; bytes: Buffer }[] = [];
  #placeOfType = new Map<string, number>();
  /** Ids that only rise can't repeat, which spares the search for repeats; shops send them in that order. */
  #rising = true;

  /** `records` is how many the first batch may have: there is room for so many usual ones without growing. */
  constructor({ records }: { records: number }) {
    this.#text = Buffer.allocUnsafeSlow(records * USUAL_ROW_BYTES);
    this.#ids = new Float64Array(records);
    this.#typeOf = new Uint16Array(records);
    this.#ends = new Uint32Array(records);
    this.#inOrder = wholeNumbers(records);
    this.#clear();
  }

  /** Adds a record as it came, unless it is rejected. */
  add(record: unknown): Reject | undefined {
    const reading = readPointsBalance(record);
    if (isReject(reading)) return reading;
    if (setsBalance(reading)) {
      const draft = rowDraft(reading);
      this.#makeRoom(roomForDraft(draft));
      this.#textEnd = writeDraft(draft, this.#text, this.#textEnd);
      this.#text[this.#textEnd++] = COMMA;
    }
    this.#note(reading.wpUserId, this.#placeOf(reading.pointsType));
    return undefined;
  }

  addPlain(record: PlainRecord): void {
    const type = this.#placeOfPlainType(record);
    this.#makeRoom(LONGEST_PLAIN_ROW);
    const { bytes } = this.#types[type] as { bytes: Buffer };
    this.#textEnd = writePlainRow(record, bytes, this.#text, this.#textEnd);
    this.#text[this.#textEnd++] = COMMA;
    this.#note(record.wpUserId, type);
  }

  /** Gives what was added since the last call. Of the records of one member and type, the last one stands. */
  settle(): Settled {
    const standing = this.#rising ? this.#inOrder.subarray(0, this.#count) : this.#lastOfEach();
    const types = new Set<string>();
    const removals: string[] = [];
    let [minUserId, maxUserId] = [Infinity, 0];
    for (const at of standing) {
      const id = this.#ids[at] as number;
      const { name } = this.#types[this.#typeOf[at] as number] as { name: string };
      if (this.#isRemoval(at)) {
        removals.push(`[${id},${JSON.stringify(name)}]`);
        continue;
      }
      types.add(name);
      if (id < minUserId) minUserId = id;
      if (id > maxUserId) maxUserId = id;
    }
    const rowCount = standing.length - removals.length;
    const settled = {
      rows: packText(
        this.#rising && types.size <= 1 ? this.#whole() : this.#textOf(standing, types.size > 1),
      ),
      rowCount,
      pointsTypes: [...types],
      minUserId: rowCount === 0 ? 0 : minUserId,
      maxUserId,
      removals: `[${removals.join(',')}]`,
      removalCount: removals.length,
    };
    this.#clear();
    return settled;
  }

  /** Gives the memory back: nothing can be added any more. */
  free(): void {
    freeBytes(this.#text);
    this.#freeColumns();
  }

  /** No other array has a part of their memory. */
  #freeColumns(): void {
    for (const column of [this.#ids, this.#typeOf, this.#ends, this.#inOrder])
      (column.buffer as ArrayBuffer).transfer(0);
  }

  #clear(): void {
    this.#text[0] = OPEN_BRACKET;
    this.#textEnd = 1;
    this.#count = 0;
    this.#rising = true;
    this.#types = [];
    this.#placeOfType.clear();
    this.#placeOf(DEFAULT_POINTS_TYPE);
  }

  #makeRoom(bytes: number): void {
    // One byte more is for the comma.
    const needed = this.#textEnd + bytes + 1;
    if (needed <= this.#text.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#text.length));
    this.#text.copy(larger, 0, 0, this.#textEnd);
    freeBytes(this.#text);
    this.#text = larger;
  }

  #note(id: number, type: number): void {
    const at = this.#count++;
    if (at === this.#ids.length) this.#makeColumnsLonger();
    if (at > 0 && id <= (this.#ids[at - 1] as number)) this.#rising = false;
    this.#ids[at] = id;
    this.#typeOf[at] = type;
    this.#ends[at] = this.#textEnd;
  }

  #makeColumnsLonger(): void {
    const length = 2 * this.#count;
    const [ids, typeOf, ends] = [new Float64Array(length), new Uint16Array(length), new Uint32Array(length)];
    ids.set(this.#ids);
    typeOf.set(this.#typeOf);
    ends.set(this.#ends);
    this.#freeColumns();
    [this.#ids, this.#typeOf, this.#ends] = [ids, typeOf, ends];
    this.#inOrder = wholeNumbers(length);
  }

  #placeOf(type: string): number {
    const known = this.#placeOfType.get(type);
    if (known !== undefined) return known;
    this.#placeOfType.set(type, this.#types.length);
    return this.#types.push({ name: type, bytes: Buffer.from(type) }) - 1;
  }

  #placeOfPlainType(record: PlainRecord): number {
    // The default is always the first one.
    if (!record.hasType) return 0;
    const looked = Math.min(this.#types.length, TYPES_BY_BYTES);
    for (let at = 0; at < looked; at += 1) {
      if (record.isOfType((this.#types[at] as { bytes: Buffer }).bytes)) return at;
    }
    return this.#placeOf(record.pointsType);
  }

  #isRemoval(at: number): boolean {
    return this.#startOf(at) === this.#ends[at];
  }

  #startOf(at: number): number {
    return at === 0 ? 1 : (this.#ends[at - 1] as number);
  }

  /** The last record of each member and type, at the place where the first one stood. */
  #lastOfEach(): number[] {
    const last: number[] = [];
    const placesOfType = this.#types.map(() => new Map<number, number>());
    for (let at = 0; at < this.#count; at += 1) {
      const id = this.#ids[at] as number;
      const places = placesOfType[this.#typeOf[at] as number] as Map<number, number>;
      const place = places.get(id);
      if (place === undefined) places.set(id, last.push(at) - 1);
      else last[place] = at;
    }
    return last;
  }

  /** The text of all rows, as it lies there. */
  #whole(): Buffer {
    const end = Math.max(this.#textEnd, 2);
    this.#text[end - 1] = CLOSE_BRACKET;
    return this.#text.subarray(0, end);
  }

  #textOf(standing: Iterable<number>, severalTypes: boolean): Buffer {
    const ends = this.#types.map(({ name }) =>
      Buffer.from(severalTypes ? `,${JSON.stringify(name)}],` : '],'),
    );
    const longest = Math.max(...ends.map(({ length }) => length));
    const text = Buffer.allocUnsafe(this.#textEnd + this.#count * longest + 1);
    text[0] = OPEN_BRACKET;
    let textEnd = 1;
    for (const at of standing) {
      if (this.#isRemoval(at)) continue;
      textEnd += this.#text.copy(text, textEnd, this.#startOf(at), (this.#ends[at] as number) - '],'.length);
      textEnd += (ends[this.#typeOf[at] as number] as Buffer).copy(text, textEnd);
    }
    textEnd = Math.max(textEnd, 2);
    text[textEnd - 1] = CLOSE_BRACKET;
    return text.subarray(0, textEnd);
  }
}

function wholeNumbers(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, at) => at);
}

function setsBalance(record: PointsBalance): record is BalanceRecord {
  return record.tenThousandths !== null;
}
