import { MemberShop, membersBeforeAndAfter, type ShopMember } from '../tests/support/memberShop.ts';
import { seededRandom } from '../tests/support/randomness.ts';
import { ProductServer, type ProductSite } from './product.ts';
import { recordsOf } from './records.ts';
import { judge, median, say } from './report.ts';

const MEMBERS = 1_000_000;
const SEED = 20_261_124;
const WATCH_EVERY_MS = 20;
const ANSWERS = 7;
const LIMIT_ANSWER_MS = 300;
const LIMIT_SHARE = 0.01;

/** What it takes a shop to send only what differs: 100 changed, 50 new and 50 removed members of a million. */
export async function differences(): Promise<void> {
  const server = await ProductServer.start();
  const site = await server.site('https://shop.example');
  const { before, after } = membersBeforeAndAfter(recordsOf(MEMBERS, 1), seededRandom(SEED));
  await site.watch(await site.start(Buffer.from(JSON.stringify(before))), WATCH_EVERY_MS);
  say(`\nSending only what differs, of ${MEMBERS} members:`);
  const milliseconds = median(await timesOfChecksums(site));
  judge(
    `checksums by 1,000 ids: ${milliseconds.toFixed(0)} ms (limit ${LIMIT_ANSWER_MS} ms)`,
    milliseconds <= LIMIT_ANSWER_MS,
  );
  const shop = new MemberShop(after, (path, init) => site.fetch(path, init));
  const jobId = await shop.sendDifferences();
  if (jobId !== undefined) await site.watch(jobId, WATCH_EVERY_MS);
  const whole = Buffer.byteLength(shop.wholeBody());
  const share = shop.bytesSent / whole;
  const line = `${shop.requests} requests, ${shop.bytesSent} bytes sent and ${shop.bytesRead} read, of ${whole}: ${(100 * share).toFixed(2)} % sent`;
  judge(`${line} (limit ${100 * LIMIT_SHARE} %)`, share <= LIMIT_SHARE);
  const equal = await hasExactly(site, after);
  judge(`all balances are those of the shop at the end: ${equal ? 'yes' : 'no'}`, equal);
  await server.stop();
}

async function timesOfChecksums(site: ProductSite): Promise<number[]> {
  const times: number[] = [];
  while (times.length < ANSWERS) {
    const path = '/artly/points-balances/checksums?size=1000';
    times.push((await site.send({ method: 'GET', path })).milliseconds);
  }
  return times;
}

/** Compares all balances one by one: the checksums are what is on trial here. */
async function hasExactly(site: ProductSite, members: ShopMember[]): Promise<boolean> {
  const answer = await site.fetch('/artly/points-balances', { headers: { accept: 'application/x-ndjson' } });
  const lines = (await answer.text()).trimEnd().split('\n');
  return (
    lines.length === members.length && members.every((member, at) => isSame(lines[at] as string, member))
  );
}

function isSame(line: string, { wp_user_id, email, points_balance }: ShopMember): boolean {
  const balance = JSON.parse(line) as ShopMember;
  return (
    balance.wp_user_id === wp_user_id && balance.email === email && balance.points_balance === points_balance
  );
}
