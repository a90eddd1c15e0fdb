const [TAB, LINE_FEED, RETURN, SPACE] = [9, 10, 13, 32];
const [QUOTE, COMMA, MINUS, DOT, ZERO, NINE, COLON] = [34, 44, 45, 46, 48, 57, 58];
const [AT_SIGN, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, DELETE] = [64, 92, 123, 125, 127];

/** The fields as bits, so that one number tells which of them were seen. */
const [ID, EMAIL, BALANCE, TYPE] = [1, 2, 4, 8];
const NEEDED = ID | EMAIL | BALANCE;
const [ID_KEY, EMAIL_KEY] = [keyOf('"wp_user_id"'), keyOf('"email"')];
const [BALANCE_KEY, TYPE_KEY] = [keyOf('"points_balance"'), keyOf('"points_type"')];
const LONGEST_KEY = BALANCE_KEY.length;
/** The letters that tell the keys apart: the first one, and for two of them the one behind `points_`. */
const [LETTER_W, LETTER_E, LETTER_B] = [119, 101, 98];
const PLACE_OF_B = '"points_'.length;

/** An id of more digits, or a balance of more in ten-thousandths, is left to the exact reading. */
const MOST_DIGITS = 15;
export const DECIMALS = 4;
const LONGEST_EMAIL = 254;
const LONGEST_TYPE = 64;

/** What a byte may be part of: the ASCII that JSON writes as it is and that the rules of the two fields allow. */
const [IN_TYPE, IN_LOCAL, IN_LABEL] = [1, 2, 4];
const PARTS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < SPACE || byte >= DELETE || byte === QUOTE || byte === BACKSLASH) return 0;
  if (byte === SPACE || byte === AT_SIGN) return IN_TYPE;
  return byte === DOT ? IN_TYPE | IN_LOCAL : IN_TYPE | IN_LOCAL | IN_LABEL;
});

/**
 * Reads a record from the bytes of a body if it is plain, as nearly all are: only the fields that set a balance, in
 * ASCII without escapes, with short numbers. It allocates nothing, and holds the places of the values until it reads
 * the next record.
 *
 * It knows no rule that `readPointsBalance` doesn't have, and rejects nothing: what it doesn't take may still be right,
 * and is read there.
 */
export class PlainRecord {
  bytes: Uint8Array = new Uint8Array(0);
  wpUserId = 0;
  idFrom = 0;
  idTo = 0;
  emailFrom = 0;
  emailTo = 0;
  /** The same place as `typeTo` where the record names no type. */
  typeFrom = 0;
  typeTo = 0;
  /** The whole digits, a dot and up to 4 decimals; where there are none, the two ends are the same. */
  wholeFrom = 0;
  wholeTo = 0;
  decimalsTo = 0;
  /** Whether the balance is below zero; -0 is not. */
  negative = false;
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** White space in an array; in NDJSON it ends the record, and no further byte is white space. */
  readonly #lineFeed: number;

  constructor({ ndjson }: { ndjson: boolean }) {
    this.#lineFeed = ndjson ? SPACE : LINE_FEED;
  }

  /** Gives the place behind the record at `from` and the white space around it; -1 where none is or it isn't plain. */
  read(bytes: Uint8Array, from: number): number {
    if (bytes !== this.bytes) this.#look(bytes);
    this.typeFrom = this.typeTo;
    let seen = 0;
    let at = this.#skipSpace(from);
    if (bytes[at] !== OPEN_BRACE) return -1;
    do {
      at = this.#skipSpace(at + 1);
      const field = fieldAt(bytes, this.#view, at);
      if (field === 0 || (seen & field) !== 0) return -1;
      seen |= field;
      at = this.#skipSpace(at + keyLength(field));
      if (bytes[at] !== COLON) return -1;
      at = this.#readValue(field, this.#skipSpace(at + 1));
      if (at < 0) return -1;
      at = this.#skipSpace(at);
    } while (bytes[at] === COMMA);
    if (bytes[at] !== CLOSE_BRACE || (seen & NEEDED) !== NEEDED) return -1;
    return this.#skipSpace(at + 1);
  }

  get hasType(): boolean {
    return this.typeTo > this.typeFrom;
  }

  get pointsType(): string {
    return Buffer.from(this.bytes.subarray(this.typeFrom, this.typeTo)).toString('latin1');
  }

  isOfType(type: Uint8Array): boolean {
    return type.length === this.typeTo - this.typeFrom && standsAt(type, this.bytes, this.typeFrom);
  }

  #look(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #skipSpace(from: number): number {
    const bytes = this.bytes;
    let at = from;
    while (isSpace(bytes[at] as number, this.#lineFeed)) at += 1;
    return at;
  }

  #readValue(field: number, at: number): number {
    switch (field) {
      case ID:
        return this.#readId(at);
      case EMAIL:
        return this.#readEmail(at);
      case BALANCE:
        return this.#readBalance(at);
      default:
        return this.#readType(at);
    }
  }

  #readId(at: number): number {
    const bytes = this.bytes;
    const quoted = bytes[at] === QUOTE;
    this.idFrom = quoted ? at + 1 : at;
    let to = this.idFrom;
    let id = 0;
    for (let byte = bytes[to] as number; isDigit(byte); byte = bytes[++to] as number)
      id = 10 * id + byte - ZERO;
    if (to === this.idFrom || to - this.idFrom > MOST_DIGITS || bytes[this.idFrom] === ZERO) return -1;
    this.idTo = to;
    this.wpUserId = id;
    return quoted ? closeQuote(bytes, to) : to;
  }

  #readEmail(at: number): number {
    const bytes = this.bytes;
    if (bytes[at] !== QUOTE) return -1;
    this.emailFrom = at + 1;
    let to = at + 1;
    while (isPart(bytes[to] as number, IN_LOCAL)) to += 1;
    if (to === this.emailFrom || bytes[to] !== AT_SIGN) return -1;
    let label = to;
    let labels = 0;
    do {
      label = to + 1;
      to = label;
      while (isPart(bytes[to] as number, IN_LABEL)) to += 1;
      if (to === label) return -1;
      labels += 1;
    } while (bytes[to] === DOT);
    this.emailTo = to;
    return labels > 1 && to - this.emailFrom <= LONGEST_EMAIL ? closeQuote(bytes, to) : -1;
  }

  #readBalance(at: number): number {
    const bytes = this.bytes;
    const quoted = bytes[at] === QUOTE;
    let to = quoted ? at + 1 : at;
    const minus = bytes[to] === MINUS;
    if (minus) to += 1;
    this.wholeFrom = to;
    to = skipDigits(bytes, to);
    this.wholeTo = to;
    if (bytes[to] === DOT) to = skipDigits(bytes, to + 1);
    this.decimalsTo = to;
    const whole = this.wholeTo - this.wholeFrom;
    if (whole === 0 || whole > MOST_DIGITS - DECIMALS || to === this.wholeTo + 1) return -1;
    if (to > this.wholeTo + 1 + DECIMALS) return -1;
    if (whole > 1 && bytes[this.wholeFrom] === ZERO) return -1;
    this.negative = minus && !this.#isZero();
    return quoted ? closeQuote(bytes, to) : to;
  }

  #isZero(): boolean {
    for (let at = this.wholeFrom; at < this.decimalsTo; at += 1) {
      if ((this.bytes[at] as number) > ZERO) return false;
    }
    return true;
  }

  #readType(at: number): number {
    const bytes = this.bytes;
    if (bytes[at] !== QUOTE) return -1;
    let to = at + 1;
    while (isPart(bytes[to] as number, IN_TYPE)) to += 1;
    this.typeFrom = at + 1;
    this.typeTo = to;
    const length = to - this.typeFrom;
    return length > 0 && length <= LONGEST_TYPE ? closeQuote(bytes, to) : -1;
  }
}

function isSpace(byte: number, lineFeed: number): boolean {
  return byte <= SPACE && (byte === SPACE || byte === lineFeed || byte === RETURN || byte === TAB);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isPart(byte: number, part: number): boolean {
  return ((PARTS[byte] as number) & part) !== 0;
}

function skipDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at] as number)) at += 1;
  return at;
}

function closeQuote(bytes: Uint8Array, at: number): number {
  return bytes[at] === QUOTE ? at + 1 : -1;
}

function fieldAt(bytes: Uint8Array, view: DataView, at: number): number {
  if (at + LONGEST_KEY > bytes.length) return 0;
  switch (bytes[at + 1]) {
    case LETTER_W:
      return isKey(ID_KEY, view, at) ? ID : 0;
    case LETTER_E:
      return isKey(EMAIL_KEY, view, at) ? EMAIL : 0;
    default:
      if (bytes[at + PLACE_OF_B] === LETTER_B) return isKey(BALANCE_KEY, view, at) ? BALANCE : 0;
      return isKey(TYPE_KEY, view, at) ? TYPE : 0;
  }
}

function keyLength(field: number): number {
  switch (field) {
    case ID:
      return ID_KEY.length;
    case EMAIL:
      return EMAIL_KEY.length;
    case BALANCE:
      return BALANCE_KEY.length;
    default:
      return TYPE_KEY.length;
  }
}

function standsAt(text: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (bytes[from + at] !== text[at]) return false;
  }
  return true;
}

/** A key with its quotes, in words of four bytes, the last of which may overlap: so it is compared the quickest. */
interface Key {
  length: number;
  words: Int32Array;
}

function keyOf(text: string): Key {
  const bytes = Buffer.from(text);
  const words = Int32Array.from({ length: Math.ceil(bytes.length / 4) }, (_, at) =>
    bytes.readInt32LE(Math.min(4 * at, bytes.length - 4)),
  );
  return { length: bytes.length, words };
}

function isKey({ length, words }: Key, view: DataView, from: number): boolean {
  const last = from + length - 4;
  for (let word = 0, at = from; word < words.length; word += 1, at += 4) {
    if (view.getInt32(Math.min(at, last), true) !== words[word]) return false;
  }
  return true;
}
