import { SyncError } from '../domain/errors.ts';
import { Pieces } from './pieces.ts';
import {
  BYTE_ORDER_MARK,
  decode,
  LONGEST_RECORD_BYTES,
  mayLoseDigits,
  PIECE_BYTES,
  parseExactly,
  recordTooLarge,
} from './recordText.ts';
import type { ShortWay } from './shortWay.ts';

const [TAB, LINE_FEED, RETURN, SPACE] = [9, 10, 13, 32];
const [QUOTE, COMMA, OPEN_BRACKET, BACKSLASH, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [
  34, 44, 91, 92, 93, 123, 125,
];

/**
 * Reads a JSON array of any length, piece by piece, and hands on its elements. The parser is the engine's own:
 * this class only finds places where the text may be cut.
 *
 * A cut at a comma is right if and only if what stands before it, in brackets, is a JSON array: then the
 * comma lies between two elements. So the cheap guess (the last `},`) is tried first, and where it
 * doesn't parse, a scan of every byte finds the cut. Plain records need no parser: they are offered to the short way
 * first. See docs/decisions/0003-the-batch.md.
 */
export class JsonArrayReader {
  readonly #onElement: (element: unknown) => void;
  readonly #shortWay: ShortWay | undefined;
  readonly #pieces = new Pieces();
  #state: 'before' | 'inside' | 'other' = 'before';
  #anyElement = false;
  /** Bytes at which it is worth to look for a cut: more each time that none was found, so that looking stays cheap. */
  #nextLook = PIECE_BYTES;

  /** What the short way takes of the elements doesn't come to `onElement`. */
  constructor(onElement: (element: unknown) => void, shortWay?: ShortWay) {
    this.#onElement = onElement;
    this.#shortWay = shortWay;
  }

  write(chunk: Buffer): void {
    this.#pieces.add(chunk);
    if (this.#state === 'before') this.#findStart();
    if (this.#state === 'other') this.#refuseLongNonArray();
    else if (this.#pieces.bytes >= this.#nextLook) this.#readUpToLastElement();
  }

  close(): void {
    this.#pieces.free();
  }

  end(): void {
    if (this.#state === 'before') {
      throw new SyncError('INVALID_JSON', 'The body is empty: send a JSON array of records.');
    }
    const rest = this.#pieces.takeAll();
    if (this.#state === 'other') throw notAnArray(rest);
    const text = decode(rest).trimEnd();
    if (!text.endsWith(']') || endOfArray(rest) === undefined) throw endsTooEarlyOrLate(rest);
    const inside = text.slice(0, -1);
    if (inside.trim() === '') {
      if (this.#anyElement) throw new SyncError('INVALID_JSON', 'The JSON array ends with a comma.');
      return;
    }
    const end = rest.lastIndexOf(CLOSE_BRACKET);
    const left = this.#readOneByOne(rest, end);
    if (left <= end) this.#handOn(parseElements(rest.subarray(left, end), left > 0));
  }

  #findStart(): void {
    const all = this.#pieces.takeAll();
    if (all[0] === BYTE_ORDER_MARK[0] && all.length < BYTE_ORDER_MARK.length) {
      this.#pieces.add(all);
      return;
    }
    let at = all.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    while (at < all.length && isSpace(all[at])) at += 1;
    if (at === all.length) return;
    this.#state = all[at] === OPEN_BRACKET ? 'inside' : 'other';
    this.#pieces.add(all.subarray(this.#state === 'inside' ? at + 1 : at));
  }

  #refuseLongNonArray(): void {
    if (this.#pieces.bytes > LONGEST_RECORD_BYTES) throw notAnArray(this.#pieces.takeAll());
  }

  #readUpToLastElement(): void {
    const all = this.#pieces.takeAll();
    const guess = all.lastIndexOf('},') + 1;
    const left = this.#readOneByOne(all, guess);
    const cut = left > guess ? guess : this.#parseUpToLastElement(all, left);
    if (cut === undefined) {
      if (all.length > LONGEST_RECORD_BYTES) throw tooLongFor(all);
      this.#pieces.add(all);
      this.#nextLook = Math.min(2 * all.length, LONGEST_RECORD_BYTES + 1);
      return;
    }
    this.#nextLook = PIECE_BYTES;
    this.#pieces.add(all.subarray(cut + 1));
  }

  /**
   * Goes from element to element as long as most may take the short way, and parses the others one by one. Gives where
   * what is left begins: behind `end` if nothing is, else at an element that is not in order, or that goes on where it
   * was thought to end. The long way finds out which, so that it alone has the errors.
   */
  #readOneByOne(bytes: Buffer, end: number): number {
    const shortWay = this.#shortWay;
    if (!shortWay) return 0;
    shortWay.startPiece();
    let at = 0;
    while (at < end && !shortWay.manyDeclined) {
      let to = shortWay.take(bytes, at, end);
      if (to < 0 && !shortWay.full) to = this.#parseOne(bytes, at, end);
      if (to < 0) break;
      at = to + 1;
    }
    if (at > 0) this.#anyElement = true;
    return at;
  }

  /** Hands on the element at `from`; gives the place behind it, or -1 if nothing is settled. */
  #parseOne(bytes: Buffer, from: number, end: number): number {
    const to = endOfElement(bytes, from);
    if (to < 0 || to > end || (to < end && bytes[to] !== COMMA)) return -1;
    const elements = tryParseElements(bytes.subarray(from, to), false);
    if (elements?.length !== 1) return -1;
    this.#onElement(elements[0]);
    return to;
  }

  /** Reads all elements from `from` that a comma ends; gives the last comma, if there is one. */
  #parseUpToLastElement(all: Buffer, from: number): number | undefined {
    const bytes = all.subarray(from);
    let cut = bytes.lastIndexOf('},') + 1;
    let elements = cut > 0 ? tryParseElements(bytes.subarray(0, cut), from > 0) : undefined;
    if (elements === undefined) {
      cut = lastTopLevelComma(bytes);
      if (cut < 0) return from > 0 ? from - 1 : undefined;
      elements = parseElements(bytes.subarray(0, cut), from > 0);
    }
    this.#handOn(elements);
    return from + cut;
  }

  #handOn(elements: unknown[]): void {
    for (const element of elements) this.#onElement(element);
    this.#anyElement = true;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}

function tryParseElements(bytes: Buffer, goesOn: boolean): unknown[] | undefined {
  try {
    return parseElements(bytes, goesOn);
  } catch (error) {
    if (error instanceof SyncError) return undefined;
    throw error;
  }
}

/** Parses elements. Where others stand ahead of them, there must be one behind the comma. */
function parseElements(bytes: Buffer, goesOn: boolean): unknown[] {
  const text = decode(bytes);
  const elements = parseExactly(goesOn ? `[0,${text}]` : `[${text}]`, mayLoseDigits(text)) as unknown[];
  return goesOn ? elements.slice(1) : elements;
}

/** Gives the comma or bracket that ends the element at `from`, or -1. It walks every byte. */
function endOfElement(bytes: Buffer, from: number): number {
  let depth = 0;
  let inString = false;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE) depth -= 1;
    else if (byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (byte === COMMA && depth === 0) return at;
  }
  return -1;
}

function lastTopLevelComma(bytes: Buffer): number {
  let last = -1;
  for (let at = endOfElement(bytes, 0); at >= 0 && bytes[at] === COMMA; at = endOfElement(bytes, at + 1))
    last = at;
  return last;
}

function endOfArray(bytes: Buffer): number | undefined {
  let at = endOfElement(bytes, 0);
  while (at >= 0 && bytes[at] === COMMA) at = endOfElement(bytes, at + 1);
  return at < 0 ? undefined : at;
}

function tooLongFor(bytes: Buffer): SyncError {
  if (endOfArray(bytes) !== undefined) return endsTooEarlyOrLate(bytes);
  return recordTooLarge();
}

function endsTooEarlyOrLate(rest: Buffer): SyncError {
  if (endOfArray(rest) === undefined) {
    return new SyncError('BODY_TRUNCATED', 'The body ends in the middle of the array: send it again, whole.');
  }
  return new SyncError('INVALID_JSON', 'Something stands behind the JSON array: send the array alone.');
}

function notAnArray(bytes: Buffer): SyncError {
  const message =
    'The body must be a JSON array of records, like [{"wp_user_id":42,"email":"a@shop.example","points_balance":1250}].';
  const first = bytes[0] ?? 0;
  if (bytes.length > LONGEST_RECORD_BYTES && first === OPEN_BRACE)
    return new SyncError('NOT_AN_ARRAY', message);
  try {
    JSON.parse(decode(bytes));
  } catch (cause) {
    return new SyncError(
      'INVALID_JSON',
      'The body is not valid JSON: send an array of records, made by a JSON library.',
      {
        cause,
      },
    );
  }
  return new SyncError('NOT_AN_ARRAY', message);
}
