import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Children } from '../demo/children.ts';
import { Mariadb } from '../demo/mariadb.ts';
import { choosePort } from '../demo/ports.ts';
import { readDoc } from '../server/tests/docs/markdown.ts';
import { hasEnded, startTestServer } from '../server/tests/support/testServer.ts';

/** The statements of docs/api.md: the whole query, and what stands in its parentheses for a user meta key. */
const [QUERY, META_BALANCES] = [...readDoc('api.md').matchAll(/^```sql\n(.*?)^```$/gms)].map(
  ([, sql]) => sql as string,
) as [string, string];
const BALANCES = /FROM \(\n(.*?)\n\) AS m\n/s;

interface Member {
  id: number;
  email: string;
  /** Rows of the shop; they add up to `balance`. */
  parts: string[];
  balance: string;
}

const MEMBERS: Member[] = [
  { id: 1, email: 'a@shop.example', parts: ['0'], balance: '0' },
  { id: 2, email: 'jürgen@shop.example', parts: ['1250', '-1250.5'], balance: '-0.5' },
  { id: 999, email: "o'neil+\\x@shop.example", parts: ['0.0001'], balance: '0.0001' },
  {
    id: 1_000,
    email: 'Große@Straße.example',
    parts: ['922337203685477.5807'],
    balance: '922337203685477.5807',
  },
  {
    id: 1_001,
    email: 'b@shop.example',
    parts: ['-922337203685477.5808'],
    balance: '-922337203685477.5808',
  },
  {
    id: 1_500,
    email: 'c@shop.example',
    parts: ['123456789012345', '0.1', '0.2'],
    balance: '123456789012345.3',
  },
  { id: 1_999, email: 'd@shop.example', parts: ['-5', '5'], balance: '0' },
  { id: 70_000, email: 'e@shop.example', parts: ['12.3000', '7', '-2.25'], balance: '17.05' },
  { id: 4_000_000_000, email: 'f@shop.example', parts: ['-12.3456'], balance: '-12.3456' },
];
/** What one character set alone can hold: a shop of Latin-1 has none of these. */
const BEYOND_LATIN: Member = { id: 3, email: 'ユーザー@例え.example', parts: ['3'], balance: '3' };

describe('the checksums of a shop, by the statements of docs/api.md', () => {
  let children: Children;
  let mariadb: Mariadb;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'artly-e2e-'));
    children = new Children(join(folder, 'children.json'));
    mariadb = await Mariadb.start(children, { folder, port: await choosePort([]), password: 'of-this-test' });
  });

  after(async () => {
    await children?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const charset of ['utf8mb4', 'utf8mb3', 'latin1']) {
    const members = charset === 'latin1' ? MEMBERS : [...MEMBERS, BEYOND_LATIN];

    test(`are those of the server, for several rows a member, in ${charset}`, async (t) => {
      await fillShop(mariadb, members, charset);
      assert.deepEqual(await rangesOf(mariadb, QUERY), await checksumsOfServer(t, members));
    });

    test(`are those of the server, for a user meta key, in ${charset}`, async (t) => {
      await fillShop(mariadb, members, charset);
      const ofMeta = QUERY.replace(BALANCES, `FROM (\n${META_BALANCES}) AS m\n`);
      assert.notEqual(ofMeta, QUERY);
      assert.deepEqual(await rangesOf(mariadb, ofMeta), await checksumsOfServer(t, members));
    });
  }

  test('differ in the range of a member whose balance, address or id is another, and only there', async (t) => {
    await fillShop(mariadb, MEMBERS, 'utf8mb4');
    const ours = await rangesOf(mariadb, QUERY);
    for (const change of [{ balance: '0.0001' }, { email: 'A@shop.example' }, { id: 3 }]) {
      const [first, ...others] = MEMBERS as [Member, ...Member[]];
      const theirs = await checksumsOfServer(t, [{ ...first, ...change }, ...others]);
      assert.notEqual(theirs[0]?.sum, ours[0]?.sum);
      assert.deepEqual(theirs.slice(1), ours.slice(1));
    }
  });
});

async function fillShop(mariadb: Mariadb, members: Member[], charset: string): Promise<void> {
  const text = (value: string) => `'${value.replaceAll(/['\\]/g, (sign) => `\\${sign}`)}'`;
  const rows = members.flatMap(({ id, parts }) => parts.map((part) => `(${id}, ${part})`));
  // User meta is text, which may be written in more ways than one.
  const meta = members.map(
    ({ id, balance }) => `(${id}, 'mycred_default', '${balance === '0' ? '-0' : balance}')`,
  );
  await mariadb.execute([
    'DROP TABLE IF EXISTS wp_users, wp_usermeta, wp_wc_points_rewards_user_points',
    `CREATE TABLE wp_users (ID bigint unsigned PRIMARY KEY, user_email varchar(100)) CHARSET ${charset}`,
    'CREATE TABLE wp_wc_points_rewards_user_points (user_id bigint, points_balance decimal(19,4))',
    `CREATE TABLE wp_usermeta (user_id bigint unsigned, meta_key varchar(255), meta_value longtext) CHARSET ${charset}`,
    `INSERT INTO wp_users VALUES ${members.map(({ id, email }) => `(${id}, ${text(email)})`).join()}`,
    `INSERT INTO wp_wc_points_rewards_user_points VALUES ${rows.join()}`,
    `INSERT INTO wp_usermeta VALUES ${meta.join()}, (1, 'nickname', '5')`,
  ]);
}

async function rangesOf(mariadb: Mariadb, query: string) {
  return (await mariadb.query(query)).map(({ from, count, sum }) => ({
    from: Number(from),
    count: Number(count),
    sum: Number(sum),
  }));
}

/** What a server that was sent these members answers. */
async function checksumsOfServer(t: TestContext, members: Member[]) {
  const site = await startTestServer(t);
  const records = members.map(({ id, email, balance }) => ({
    wp_user_id: id,
    email,
    points_balance: balance,
  }));
  assert.equal((await site.waitFor(await site.start(records), hasEnded)).rejected, 0);
  const { json } = await site.call('/artly/points-balances/checksums');
  return json.ranges as Awaited<ReturnType<typeof rangesOf>>;
}
