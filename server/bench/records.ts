import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** The same records for every way that is measured: members 1 to `count`, whose balances `round` changes. */
export function recordsOf(
  count: number,
  round: number,
): { wp_user_id: number; email: string; points_balance: number }[] {
  return slice(1, count, round);
}

/** The body of a start with these records. */
export function bodyOf(count: number, round: number): Buffer {
  return Buffer.concat([...pieces(count, round, JSON_TEXT)]);
}

/** The body of a start of events in the order of time: members take turns, as they do in a shop's log. */
export function eventsOf(count: number): Buffer {
  return Buffer.concat([...pieces(count, 1, JSON_TEXT, event)]);
}

/** The body of a start of users. */
export function usersOf(count: number): Buffer {
  return Buffer.concat([...pieces(count, 1, JSON_TEXT, user)]);
}

/** The body of one part of a job: the records of members `from` to `from + count - 1`. */
export function partOf(from: number, count: number, round: number): Buffer {
  return Buffer.from(JSON.stringify(slice(from, count, round)));
}

/** How the records of a body are written down. */
interface Writing {
  head: string;
  text: (records: object[]) => string;
  between: string;
  tail: string;
}

const JSON_TEXT: Writing = {
  head: '[',
  text: (records) => JSON.stringify(records).slice(1, -1),
  between: ',',
  tail: ']',
};
const NDJSON_TEXT: Writing = {
  head: '',
  text: (records) => records.map((record) => JSON.stringify(record)).join('\n'),
  between: '\n',
  tail: '\n',
};

const SLICE = 10_000;

function* pieces(
  count: number,
  round: number,
  { head, text, between, tail }: Writing,
  make: (id: number, round: number) => object = record,
): Generator<Buffer> {
  yield Buffer.from(head);
  for (let from = 1; from <= count; from += SLICE) {
    const records = Array.from({ length: Math.min(SLICE, count - from + 1) }, (_, at) =>
      make(from + at, round),
    );
    yield Buffer.from(`${from === 1 ? '' : between}${text(records)}`);
  }
  yield Buffer.from(tail);
}

function slice(from: number, count: number, round: number) {
  return Array.from({ length: count }, (_, at) => record(from + at, round));
}

function record(id: number, round: number) {
  return {
    wp_user_id: id,
    email: `member${id}@shop.example`,
    points_balance: ((id * 7 + round) % 100_000) / 2,
  };
}

const MEMBERS = 200_000;
const FIRST_EVENT_MS = Date.UTC(2024, 0, 1);

function event(id: number) {
  const member = ((id * 7_919) % MEMBERS) + 1;
  return {
    external_event_id: `wc-${id}`,
    wp_user_id: member,
    email: `member${member}@shop.example`,
    points_delta: ((id * 7) % 1_000) / 2,
    event_type: 'order-placed',
    source: 'woocommerce',
    order_id: id,
    created_at: new Date(FIRST_EVENT_MS + 20_000 * id).toISOString().slice(0, 19).replace('T', ' '),
  };
}

function user(id: number) {
  return {
    wp_user_id: id,
    email: `member${id}@shop.example`,
    phone: `+55 11 9${String(id).padStart(8, '0')}`,
    whatsapp: `+55119${String(id).padStart(8, '0')}`,
    locale: 'pt_BR',
    timezone: 'America/Sao_Paulo',
  };
}

export type BodyKind = 'JSON' | 'gzip' | 'NDJSON';

const HEADERS: Record<BodyKind, Record<string, string>> = {
  JSON: { 'content-type': 'application/json' },
  gzip: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  NDJSON: { 'content-type': 'application/x-ndjson' },
};

/** Bodies that are too large for memory, written to files before anything is measured. */
export class BodyFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), 'artly-bodies-'));

  async write(kind: BodyKind, count: number): Promise<void> {
    const text = pieces(count, 1, kind === 'NDJSON' ? NDJSON_TEXT : JSON_TEXT);
    const file = createWriteStream(this.#path(kind, count));
    if (kind === 'gzip') await pipeline(text, createGzip({ level: 1 }), file);
    else await pipeline(text, file);
  }

  /** The body as a stream, with the headers that say what it is. */
  open(
    kind: BodyKind,
    count: number,
  ): { body: ReturnType<typeof createReadStream>; headers: Record<string, string> } {
    const body = createReadStream(this.#path(kind, count), { highWaterMark: 64 * 1024 });
    return { body, headers: HEADERS[kind] };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #path(kind: BodyKind, count: number): string {
    return join(this.#folder, `${kind}-${count}`);
  }
}
