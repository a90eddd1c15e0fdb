import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { type Answer, ProductServer, type ProductSite } from './product.ts';
import { judge, percentile, say } from './report.ts';

const LIMIT_SECONDS = 10;
const LIMIT_GROWTH_MEGABYTES = 30;
const LIMIT_STATUS_MS = 25;
const WATCH_EVERY_MS = 10;
const BOMB_BYTES = 1024 ** 3;
const NO_COMMA_BYTES = 100_000_000;
const DEEP = 100_000;
const BAD_RECORD = `{"email":"${'x'.repeat(1_000)}"},`;
const CHUNK_BYTES = 64 * 1024;

interface Attack {
  name: string;
  body: () => Readable;
  headers?: Record<string, string>;
}

const ATTACKS: Attack[] = [
  {
    name: `gzip that unpacks to ${BOMB_BYTES / 1024 ** 3} GiB of one text`,
    body: () => Readable.from(repeated('["', 'x', BOMB_BYTES)).pipe(createGzip({ level: 9 })),
    headers: { 'content-encoding': 'gzip' },
  },
  {
    name: `gzip that unpacks to ${BOMB_BYTES / 1024 ** 3} GiB of spaces`,
    body: () => Readable.from(repeated('[', ' ', BOMB_BYTES)).pipe(createGzip({ level: 9 })),
    headers: { 'content-encoding': 'gzip' },
  },
  {
    name: `gzip that unpacks to ${BOMB_BYTES / 1024 ** 3} GiB of bad records`,
    body: () => Readable.from(repeated('[', BAD_RECORD, BOMB_BYTES)).pipe(createGzip({ level: 9 })),
    headers: { 'content-encoding': 'gzip' },
  },
  { name: '100 MB without a comma', body: () => Readable.from(repeated('[', '1', NO_COMMA_BYTES)) },
  { name: 'arrays 100,000 deep', body: () => Readable.from([Buffer.from('['.repeat(DEEP))]) },
  {
    name: 'objects 100,000 deep',
    // Not closed: closed, it is one bad record, which is rejected alone.
    body: () => Readable.from([Buffer.from(`[${'{"a":'.repeat(DEEP)}1`)]),
  },
  { name: 'one byte a second', body: () => Readable.from(slowly()) },
];

/** Bodies that are meant to do harm: refused in bounded time, with flat memory, while others are served. */
export async function hostile(): Promise<void> {
  say('\nHostile bodies:');
  // A sender of a byte a second is refused after four times as long without progress.
  const server = await ProductServer.start({ ARTLY_BODY_IDLE_SECONDS: '2' });
  const site = await server.site('https://hostile.example');
  const other = await server.site('https://other.example');
  const jobId = await other.start(
    Buffer.from('[{"wp_user_id":1,"email":"a@shop.example","points_balance":1}]'),
  );
  for (const attack of ATTACKS) await measure(attack, { server, site, other, jobId });
  await server.stop();
}

async function measure(
  { name, body, headers }: Attack,
  {
    server,
    site,
    other,
    jobId,
  }: { server: ProductServer; site: ProductSite; other: ProductSite; jobId: string },
): Promise<void> {
  const before = server.memory();
  let peak = before;
  const waits: number[] = [];
  const answered = refusal(site, body(), headers);
  let answer: Answer | undefined;
  answered.then((refused) => {
    answer = refused;
  });
  while (answer === undefined) {
    waits.push((await other.status(jobId)).milliseconds);
    peak = Math.max(peak, server.memory());
    await pause(WATCH_EVERY_MS);
  }
  const growth = Math.round(peak - before);
  const p99 = percentile(waits, 0.99);
  const took = answer.milliseconds / 1000;
  const kept = took <= LIMIT_SECONDS && growth <= LIMIT_GROWTH_MEGABYTES && p99 <= LIMIT_STATUS_MS;
  const what = `${answer.status} ${answer.json.error} after ${took.toFixed(1)} s, memory +${growth} MB, status of others p99 ${p99.toFixed(1)} ms`;
  judge(
    `${name}: ${what} (limits ${LIMIT_SECONDS} s, ${LIMIT_GROWTH_MEGABYTES} MB, ${LIMIT_STATUS_MS} ms)`,
    kept && answer.status >= 400,
  );
}

async function refusal(site: ProductSite, body: Readable, headers: object = {}): Promise<Answer> {
  const answer = await site.sendAny({
    method: 'POST',
    path: '/artly/sync/points-balances/start',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  body.destroy();
  return answer;
}

function* repeated(head: string, text: string, bytes: number): Generator<Buffer> {
  yield Buffer.from(head);
  const chunk = Buffer.from(text.repeat(Math.ceil(CHUNK_BYTES / text.length)));
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
}

async function* slowly(): AsyncGenerator<Buffer> {
  for (const byte of Buffer.from('[{"wp_user_id":1,"email":"a@shop.example","points_balance":1}]')) {
    yield Buffer.from([byte]);
    await pause(1000);
  }
}
