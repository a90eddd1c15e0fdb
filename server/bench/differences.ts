import { MemberShop, membersBeforeAndAfter, type ShopMember } from '../tests/support/memberShop.ts';
import { seededRandom } from '../tests/support/randomness.ts';
import { ProductServer } from './product.ts';
import { recordsOf } from './records.ts';

const SEED = 20_261_124;
const WATCH_EVERY_MS = 20;
const ANSWERS = 7;

export interface DifferencesMeasured {
  /** The time of one answer of checksums of 1,000 ids, the median of several, in ms. */
  checksumMs: number;
  /** Bytes that the shop sent and read to send only what differs, and those of sending all. */
  bytesSent: number;
  bytesRead: number;
  bytesWhole: number;
  requests: number;
  /** Whether the server has what the shop has, at the end. */
  equal: boolean;
}

/** What it takes a shop of `count` members to send only what differs: 100 changed, 50 new and 50 removed members. */
export async function measureDifferences(count: number): Promise<DifferencesMeasured> {
  const server = await ProductServer.start();
  try {
    const { before, after } = membersBeforeAndAfter(recordsOf(count, 1), seededRandom(SEED));
    await server.watch(await server.start(Buffer.from(JSON.stringify(before))), WATCH_EVERY_MS);
    const checksumMs = await timeOfChecksums(server);
    const shop = new MemberShop(after, (path, init) => server.fetch(path, init));
    const jobId = await shop.sendDifferences();
    if (jobId !== undefined) await server.watch(jobId, WATCH_EVERY_MS);
    const { bytesSent, bytesRead, requests } = shop;
    const bytesWhole = Buffer.byteLength(shop.wholeBody());
    const equal = await hasExactly(server, after);
    return { checksumMs, bytesSent, bytesRead, bytesWhole, requests, equal };
  } finally {
    await server.stop();
  }
}

async function timeOfChecksums(server: ProductServer): Promise<number> {
  const times: number[] = [];
  while (times.length < ANSWERS) {
    const from = performance.now();
    await (await server.fetch('/artly/points-balances/checksums?size=1000')).text();
    times.push(performance.now() - from);
  }
  return times.sort((one, other) => one - other)[Math.floor(ANSWERS / 2)] as number;
}

/** Compares all balances one by one: the checksums are what is on trial here. */
async function hasExactly(server: ProductServer, members: ShopMember[]): Promise<boolean> {
  const answer = await server.fetch('/artly/points-balances', {
    headers: { accept: 'application/x-ndjson' },
  });
  const lines = (await answer.text()).trimEnd().split('\n');
  return (
    lines.length === members.length &&
    members.every(({ wp_user_id, email, points_balance }, at) => {
      const balance = JSON.parse(lines[at] as string) as ShopMember;
      return (
        balance.wp_user_id === wp_user_id &&
        balance.email === email &&
        balance.points_balance === points_balance
      );
    })
  );
}
