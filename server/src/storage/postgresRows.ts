/**
 * The rows of a batch as PostgreSQL reads them quickest: a column each, as an array in the binary form of the protocol,
 * which needs no escaping and which the server only copies: docs/decisions/0007-postgres-storage.md.
 */
export interface RowColumns {
  userIds: Buffer;
  emails: Buffer;
  balances: Buffer;
  checksums: Buffer;
  /** Null where the batch has one type of points only. */
  pointsTypes: Buffer | null;
}

const [INT8, TEXT] = [20, 25];
const ARRAY_HEAD = 20;
const LENGTH_BYTES = 4;
const INT8_BYTES = 8;
const HALF = 2 ** 32;
/** A double carries so many digits faithfully. */
const SAFE_DIGITS = 15;
const [QUOTE, COMMA, MINUS, ZERO, NINE] = [34, 44, 45, 48, 57];
const [OPEN_BRACKET, BACKSLASH, CLOSE_BRACKET] = [91, 92, 93];

/**
 * Reads the texts of batches, each `[[wp_user_id,"email",tenThousandths,checksum], …]`, with the type of points behind
 * each row where `withTypes` says so; all rows together are `rowCount`.
 */
export function columnsOf(
  texts: Buffer[],
  { rowCount, withTypes }: { rowCount: number; withTypes: boolean },
): RowColumns {
  const bytes = texts.reduce((sum, { length }) => sum + length, 0);
  const numbers = () => new NumberColumn(rowCount);
  const columns = { userIds: numbers(), balances: numbers(), checksums: numbers() };
  const emails = new TextColumn(rowCount, bytes);
  const types = withTypes ? new TextColumn(rowCount, bytes) : undefined;
  for (const text of texts) readRows(new RowReader(text), { ...columns, emails, types });
  return {
    userIds: columns.userIds.bytes,
    emails: emails.bytes,
    balances: columns.balances.bytes,
    checksums: columns.checksums.bytes,
    pointsTypes: types?.bytes ?? null,
  };
}

interface Columns {
  userIds: NumberColumn;
  balances: NumberColumn;
  checksums: NumberColumn;
  emails: TextColumn;
  types: TextColumn | undefined;
}

function readRows(reader: RowReader, { userIds, emails, balances, checksums, types }: Columns): void {
  reader.pass(OPEN_BRACKET);
  if (reader.passes(CLOSE_BRACKET)) return;
  do {
    reader.pass(OPEN_BRACKET);
    userIds.add(reader.number());
    reader.pass(COMMA);
    reader.text(emails);
    reader.pass(COMMA);
    balances.add(reader.number());
    reader.pass(COMMA);
    checksums.add(reader.number());
    if (types !== undefined) {
      reader.pass(COMMA);
      reader.text(types);
    }
    reader.pass(CLOSE_BRACKET);
  } while (reader.passes(COMMA));
  reader.pass(CLOSE_BRACKET);
}

/** Walks through the text; what it finds must be what the intake writes. */
class RowReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  pass(byte: number): void {
    if (!this.passes(byte)) throw this.#broken();
  }

  passes(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  number(): number | bigint {
    const from = this.#at;
    const negative = this.#bytes[from] === MINUS;
    if (negative) this.#at += 1;
    const firstDigit = this.#at;
    let value = 0;
    while (true) {
      const digit = this.#bytes[this.#at] as number;
      if (!(digit >= ZERO && digit <= NINE)) break;
      value = 10 * value + digit - ZERO;
      this.#at += 1;
    }
    const digits = this.#at - firstDigit;
    if (digits === 0) throw this.#broken();
    if (digits > SAFE_DIGITS) return BigInt(this.#bytes.toString('latin1', from, this.#at));
    return negative ? -value : value;
  }

  /** Adds the text to a column: as its bytes, where none of them is escaped. */
  text(column: TextColumn): void {
    this.pass(QUOTE);
    const from = this.#at;
    let escaped = false;
    while (this.#bytes[this.#at] !== QUOTE) {
      if (this.#at >= this.#bytes.length) throw this.#broken();
      if (this.#bytes[this.#at] === BACKSLASH) {
        escaped = true;
        this.#at += 1;
      }
      this.#at += 1;
    }
    const to = this.#at++;
    if (escaped) column.addText(JSON.parse(this.#bytes.toString('utf8', from - 1, to + 1)) as string);
    else column.addBytes(this.#bytes, from, to);
  }

  #broken(): Error {
    return new Error(`The rows of a batch can't be read at byte ${this.#at}.`);
  }
}

class NumberColumn {
  readonly bytes: Buffer;
  readonly #view: DataView;
  #at = ARRAY_HEAD;

  constructor(count: number) {
    this.bytes = arrayBytes({ type: INT8, count, bytes: count * (LENGTH_BYTES + INT8_BYTES) });
    this.#view = new DataView(this.bytes.buffer);
  }

  add(value: number | bigint): void {
    const at = this.#at;
    this.#view.setInt32(at, INT8_BYTES);
    if (typeof value === 'bigint') {
      this.#view.setBigInt64(at + LENGTH_BYTES, value);
    } else {
      const high = Math.floor(value / HALF);
      this.#view.setInt32(at + LENGTH_BYTES, high);
      this.#view.setUint32(at + 2 * LENGTH_BYTES, value - high * HALF);
    }
    this.#at = at + LENGTH_BYTES + INT8_BYTES;
  }
}

class TextColumn {
  readonly #bytes: Buffer;
  #at = ARRAY_HEAD;

  /** `longest` is what all texts together may have; none is longer than its text in JSON. */
  constructor(count: number, longest: number) {
    this.#bytes = arrayBytes({ type: TEXT, count, bytes: count * LENGTH_BYTES + longest });
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  addBytes(source: Buffer, from: number, to: number): void {
    const at = this.#bytes.writeInt32BE(to - from, this.#at);
    this.#at = at + source.copy(this.#bytes, at, from, to);
  }

  addText(text: string): void {
    const at = this.#at + LENGTH_BYTES;
    const length = this.#bytes.write(text, at);
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at = at + length;
  }
}

/** An array of one dimension without NULLs, whose items are still to be written. In memory of its own, to be freed. */
function arrayBytes({ type, count, bytes }: { type: number; count: number; bytes: number }): Buffer {
  const array = Buffer.allocUnsafeSlow(ARRAY_HEAD + bytes);
  const [dimensions, withNulls, firstIndex] = [1, 0, 1];
  [dimensions, withNulls, type, count, firstIndex].forEach((value, at) => {
    array.writeInt32BE(value, at * LENGTH_BYTES);
  });
  return array;
}
