import { isAscii, isUtf8 } from 'node:buffer';
import { SyncError } from '../domain/errors.ts';
import { JOB_TYPES } from '../jobTypes/jobTypes.ts';

/** What the readers of all formats share: from bytes to text to values, with every number exact. */

/** Text is parsed in pieces of about this many bytes: large enough to be quick, small enough to stay flat. */
export const PIECE_BYTES = 128 * 1024;
/** A record longer than this is no record. */
export const LONGEST_RECORD_BYTES = 1024 * 1024;
export const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Numbers in these fields are kept exactly: one list for all types, as a body has few of them that matter to another. */
const EXACT_FIELDS = new Set(JOB_TYPES.flatMap(({ exactFields }) => exactFields));
/** A double carries 15 digits faithfully; with a dot between them they are 16 characters. */
const RISKY_LENGTH = 16;
const [DOT, ZERO, NINE] = [46, 48, 57];

export function decode(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  checkUtf8(bytes);
  return bytes.toString('utf8');
}

export function checkUtf8(bytes: Buffer): void {
  if (!isUtf8(bytes)) throw new SyncError('INVALID_JSON', 'The body is not UTF-8 text: encode it as UTF-8.');
}

/**
 * Parses JSON. Numbers of exact fields that would lose digits come as their text. Who has just joined `text`
 * gives `risky` from its flat part, since looking through joined text takes twice as long.
 */
export function parseExactly(text: string, risky = mayLoseDigits(text)): unknown {
  try {
    return JSON.parse(text, risky ? keepNumberText : undefined);
  } catch (cause) {
    throw new SyncError('INVALID_JSON', 'The body is not valid JSON: send records made by a JSON library.', {
      cause,
    });
  }
}

export function recordTooLarge(): SyncError {
  return new SyncError(
    'RECORD_TOO_LARGE',
    'One record is longer than 1 MiB: send one small object a member.',
  );
}

/**
 * Whether a number in the text may not survive as a double: it is long, or so small that it becomes 0. Text in
 * strings may raise a false alarm, which costs time only.
 */
export function mayLoseDigits(text: string): boolean {
  // A run of 16 digits covers one of every 16 places, so only those need a look.
  for (let at = RISKY_LENGTH - 1; at < text.length; at += RISKY_LENGTH) {
    if (isNumeric(text, at) && lengthOfRun(text, at) >= RISKY_LENGTH) return true;
  }
  return (text.includes('e-') || text.includes('E-')) && /\d[eE]-\d/.test(text);
}

function lengthOfRun(text: string, at: number): number {
  let from = at;
  while (isNumeric(text, from - 1)) from -= 1;
  let to = at + 1;
  while (isNumeric(text, to)) to += 1;
  return to - from;
}

function isNumeric(text: string, at: number): boolean {
  const character = text.charCodeAt(at);
  return (character >= ZERO && character <= NINE) || character === DOT;
}

function keepNumberText(key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || !EXACT_FIELDS.has(key)) return value;
  const source = context?.source ?? '';
  return source.length >= RISKY_LENGTH || /e-/i.test(source) ? source : value;
}
