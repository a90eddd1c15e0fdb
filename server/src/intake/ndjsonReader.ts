import { SyncError } from '../domain/errors.ts';
import { Pieces } from './pieces.ts';
import {
  BYTE_ORDER_MARK,
  checkUtf8,
  decode,
  LONGEST_RECORD_BYTES,
  PIECE_BYTES,
  parseExactly,
  recordTooLarge,
} from './recordText.ts';
import type { ShortWay } from './shortWay.ts';

const LINE_FEED = 10;

/** Reads NDJSON of any length, piece by piece: a JSON value a line. Empty lines are passed over. */
export class NdjsonReader {
  readonly #onElement: (element: unknown) => void;
  readonly #shortWay: ShortWay | undefined;
  readonly #pieces = new Pieces();
  #line = 0;

  /** What the short way takes of the lines doesn't come to `onElement`. */
  constructor(onElement: (element: unknown) => void, shortWay?: ShortWay) {
    this.#onElement = onElement;
    this.#shortWay = shortWay;
  }

  write(chunk: Buffer): void {
    this.#pieces.add(chunk);
    // A line ends in this chunk or not at all: what came before was looked through.
    if (this.#pieces.bytes >= PIECE_BYTES && chunk.includes(LINE_FEED)) this.#readWholeLines();
    else if (this.#pieces.bytes > PIECE_BYTES + LONGEST_RECORD_BYTES) throw recordTooLarge();
  }

  close(): void {
    this.#pieces.free();
  }

  end(): void {
    this.#readLines(this.#pieces.takeAll());
  }

  #readWholeLines(): void {
    const all = this.#pieces.takeAll();
    const cut = all.lastIndexOf(LINE_FEED) + 1;
    this.#readLines(all.subarray(0, cut));
    this.#pieces.add(all.subarray(cut));
  }

  #readLines(bytes: Buffer): void {
    const start = this.#line === 0 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    const rest = this.#readOneByOne(bytes, start);
    for (const line of decode(bytes.subarray(rest)).split('\n')) this.#readLine(line);
    // The last line feed ends a line; it doesn't begin another.
    this.#line -= 1;
  }

  /** Goes from line to line as long as most may take the short way; gives where the lines begin that are left. */
  #readOneByOne(bytes: Buffer, start: number): number {
    const shortWay = this.#shortWay;
    if (!shortWay) return start;
    checkUtf8(bytes);
    shortWay.startPiece();
    let at = start;
    while (at < bytes.length && !shortWay.manyDeclined) {
      let end = shortWay.take(bytes, at, bytes.length);
      if (end >= 0) this.#line += 1;
      else {
        end = endOfLine(bytes, at);
        this.#readLine(decode(bytes.subarray(at, end)));
      }
      at = end + 1;
    }
    return at;
  }

  #readLine(line: string): void {
    this.#line += 1;
    if (line.trim() !== '') this.#onElement(this.#parse(line));
  }

  #parse(line: string): unknown {
    try {
      return parseExactly(line);
    } catch (cause) {
      const message = `Line ${this.#line} is not valid JSON: send one record a line, made by a JSON library.`;
      throw new SyncError('INVALID_JSON', message, { cause });
    }
  }
}

function endOfLine(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(LINE_FEED, from);
  return at < 0 ? bytes.length : at;
}
