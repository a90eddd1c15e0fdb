import { SyncError } from '../domain/errors.ts';
import { Pieces } from './pieces.ts';
import {
  BYTE_ORDER_MARK,
  decode,
  LONGEST_RECORD_BYTES,
  PIECE_BYTES,
  parseExactly,
  recordTooLarge,
} from './recordText.ts';

const LINE_FEED = 10;

/** Reads NDJSON of any length, piece by piece: a JSON value a line. Empty lines are passed over. */
export class NdjsonReader {
  readonly #onElement: (element: unknown) => void;
  readonly #pieces = new Pieces();
  #line = 0;

  constructor(onElement: (element: unknown) => void) {
    this.#onElement = onElement;
  }

  write(chunk: Buffer): void {
    this.#pieces.add(chunk);
    // A line ends in this chunk or not at all: what came before was looked through.
    if (this.#pieces.bytes >= PIECE_BYTES && chunk.includes(LINE_FEED)) this.#readWholeLines();
    else if (this.#pieces.bytes > PIECE_BYTES + LONGEST_RECORD_BYTES) throw recordTooLarge();
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
    for (const line of decode(bytes.subarray(start)).split('\n')) {
      this.#line += 1;
      if (line.trim() === '') continue;
      this.#onElement(this.#parse(line));
    }
    // The last line feed ends a line; it doesn't begin another.
    this.#line -= 1;
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
