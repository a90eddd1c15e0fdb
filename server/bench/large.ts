import { hasEnded, ProductServer, type ProductSite } from './product.ts';
import { BodyFiles, type BodyKind, partOf } from './records.ts';
import { judge, say, seconds } from './report.ts';

const SMALL = 1_000_000;
const LARGE = 10_000_000;
const RECORDS_A_PART = 10_000;
const PARTS_AT_ONCE = 4;
const LIMIT_TIME = 11;
const LIMIT_MEMORY = 1.1;
const LIMIT_MEGABYTES = 220;
const WATCH_EVERY_MS = 100;

const KINDS = ['JSON', 'gzip', 'NDJSON', 'parts'] as const;

interface Run {
  milliseconds: number;
  megabytes: number;
}

/** Ten million against one million, each on a fresh server: time grows with the records, memory does not. */
export async function large(): Promise<void> {
  const files = new BodyFiles();
  try {
    say(`\n${LARGE} records against ${SMALL}, and the peak memory of the server:`);
    for (const kind of KINDS) {
      const send = kind === 'parts' ? sendParts : await fileSender(files, kind);
      const small = await run(SMALL, send);
      const big = await run(LARGE, send);
      compare(kind, small, big);
    }
  } finally {
    files.remove();
  }
}

function compare(kind: string, small: Run, big: Run): void {
  const time = big.milliseconds / small.milliseconds;
  const memory = big.megabytes / small.megabytes;
  const times = `${seconds(big.milliseconds)} against ${seconds(small.milliseconds)}: ${time.toFixed(1)}×`;
  judge(`${kind.padEnd(6)} ${times} (limit ${LIMIT_TIME}×)`, time <= LIMIT_TIME);
  const bytes = `${Math.round(big.megabytes)} MB against ${Math.round(small.megabytes)} MB: ${memory.toFixed(2)}×`;
  const limits = `(limit ${LIMIT_MEMORY}×, ${LIMIT_MEGABYTES} MB)`;
  judge(`       ${bytes} ${limits}`, memory <= LIMIT_MEMORY && big.megabytes <= LIMIT_MEGABYTES);
}

type Send = (site: ProductSite, count: number) => Promise<string>;

async function run(count: number, send: Send): Promise<Run> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const from = performance.now();
  const job = await site.watch(await send(site, count), WATCH_EVERY_MS);
  const milliseconds = performance.now() - from;
  if (!hasEnded(job) || job.inserted !== count) throw new Error(JSON.stringify(job));
  const megabytes = server.peakMemory();
  await server.stop();
  return { milliseconds, megabytes };
}

async function fileSender(files: BodyFiles, kind: BodyKind): Promise<Send> {
  for (const count of [SMALL, LARGE]) await files.write(kind, count);
  return (site, count) => {
    const { body, headers } = files.open(kind, count);
    return site.start(body, headers);
  };
}

/** Parts of a few thousand records, some at a time, as a shop with 30 s a request sends them. */
async function sendParts(site: ProductSite, count: number): Promise<string> {
  const { json } = await site.post('/artly/sync/jobs', { type: 'points-balances', total: count });
  const jobId = json.jobId as string;
  const batches = count / RECORDS_A_PART;
  let next = 0;
  const sendSome = async () => {
    while (next < batches) {
      const n = next++;
      await site.send({
        method: 'PUT',
        path: `/artly/sync/jobs/${jobId}/batches/${n}`,
        body: partOf(n * RECORDS_A_PART + 1, RECORDS_A_PART, 1),
        headers: { 'content-type': 'application/json' },
      });
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sendSome));
  await site.post(`/artly/sync/jobs/${jobId}/commit`, { batches, records: count });
  return jobId;
}
