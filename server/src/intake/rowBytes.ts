import { type BalanceRecord, canonicalText } from '../domain/checksum.ts';
import { crcOfByte, crcOfFour, crcOfRange } from './crc.ts';
import { DECIMALS, type PlainRecord } from './plainRecord.ts';

const [LINE_FEED, QUOTE, COMMA, MINUS, DOT, ZERO] = [10, 34, 44, 45, 46, 48];
const [OPEN_BRACKET, CLOSE_BRACKET, BAR] = [91, 93, 124];
/** Room for the longest row of a plain record. */
export const LONGEST_PLAIN_ROW = 320;
/** Room for the checksum and the bracket of a row. */
const ROW_END = 11;
/** UTF-8 takes at most so many bytes for what a string counts as one. */
const MOST_BYTES_A_UNIT = 3;

/**
 * A row is `[wp_user_id,"email",tenThousandths,checksum]`, without the type of points, which is known only when the
 * batch is whole. There are two ways to the same bytes: from a record, and from the bytes of a plain one.
 */

/** The row without its checksum, and in a line of its own the text that it is the checksum of. */
export function rowDraft(record: BalanceRecord): string {
  const { wpUserId, email, tenThousandths } = record;
  return `[${wpUserId},${JSON.stringify(email)},${tenThousandths},\n${canonicalText(record)}`;
}

export function roomForDraft(draft: string): number {
  return MOST_BYTES_A_UNIT * draft.length + ROW_END;
}

/**
 * Writes the row of a draft at `from`; gives the place behind it. The draft becomes bytes in one call, since each call
 * into the engine takes longer than the checksum does.
 */
export function writeDraft(draft: string, row: Buffer, from: number): number {
  const draftEnd = from + row.write(draft, from);
  let at = from;
  // Neither JSON text nor an address has a line feed in it.
  while (row[at] !== LINE_FEED) at += 1;
  const checksum = ~crcOfRange(-1, row, at + 1, draftEnd) >>> 0;
  at = writeNumber(row, at, checksum);
  row[at++] = CLOSE_BRACKET;
  return at;
}

/** Writes the row of a plain record at `from`; gives the place behind it. Digits are copied as they are. */
export function writePlainRow(record: PlainRecord, type: Uint8Array, row: Buffer, from: number): number {
  const { bytes, idTo, emailTo } = record;
  let at = from;
  row[at++] = OPEN_BRACKET;
  for (let source = record.idFrom; source < idTo; source += 1) row[at++] = bytes[source] as number;
  row[at++] = COMMA;
  row[at++] = QUOTE;
  for (let source = record.emailFrom; source < emailTo; source += 1) row[at++] = bytes[source] as number;
  row[at++] = QUOTE;
  row[at++] = COMMA;
  at = writeTenThousandths(record, row, at);
  row[at++] = COMMA;
  at = writeNumber(row, at, checksumOfPlain(record, type));
  row[at++] = CLOSE_BRACKET;
  return at;
}

/** What `checksumOf` gives for the same record. */
export function checksumOfPlain(record: PlainRecord, type: Uint8Array): number {
  const { bytes } = record;
  let crc = crcOfByte(crcOfRange(-1, bytes, record.idFrom, record.idTo), BAR);
  crc = crcOfByte(crcOfRange(crc, bytes, record.emailFrom, record.emailTo), BAR);
  crc = crcOfByte(crcOfRange(crc, type, 0, type.length), BAR);
  if (record.negative) crc = crcOfByte(crc, MINUS);
  crc = crcOfByte(crcOfRange(crc, bytes, record.wholeFrom, record.wholeTo), DOT);
  const [one, two] = [decimalAt(record, 1), decimalAt(record, 2)];
  return ~crcOfFour(crc, one, two, decimalAt(record, 3), decimalAt(record, 4)) >>> 0;
}

function decimalAt({ bytes, wholeTo, decimalsTo }: PlainRecord, decimal: number): number {
  return wholeTo + decimal < decimalsTo ? (bytes[wholeTo + decimal] as number) : ZERO;
}

/** Whole digits and decimals in one, without the zeros ahead. */
function writeTenThousandths(record: PlainRecord, row: Uint8Array, from: number): number {
  const { bytes, wholeFrom, wholeTo } = record;
  let at = from;
  if (record.negative) row[at++] = MINUS;
  const firstDigit = at;
  if (bytes[wholeFrom] !== ZERO) {
    for (let source = wholeFrom; source < wholeTo; source += 1) row[at++] = bytes[source] as number;
  }
  for (let decimal = 1; decimal <= DECIMALS; decimal += 1) {
    const digit = decimalAt(record, decimal);
    if (digit !== ZERO || at > firstDigit) row[at++] = digit;
  }
  if (at === firstDigit) row[at++] = ZERO;
  return at;
}

/** Writes a whole number from 0 to 2^32 - 1. */
function writeNumber(row: Uint8Array, from: number, number: number): number {
  // In two halves, as the processor divides small whole numbers far quicker than doubles.
  const high = (number / 100_000) | 0;
  const low = (number - 100_000 * high) | 0;
  const at = high > 0 ? writeDigits(row, from, high, digitsOf(high)) : from;
  return writeDigits(row, at, low, high > 0 ? 5 : digitsOf(low));
}

function digitsOf(number: number): number {
  let digits = 1;
  for (let limit = 10; number >= limit; limit *= 10) digits += 1;
  return digits;
}

function writeDigits(row: Uint8Array, from: number, number: number, digits: number): number {
  let rest = number;
  for (let at = from + digits - 1; at >= from; at -= 1) {
    const quotient = (rest / 10) | 0;
    row[at] = ZERO + rest - 10 * quotient;
    rest = quotient;
  }
  return from + digits;
}
