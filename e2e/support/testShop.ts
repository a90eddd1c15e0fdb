import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from '../../demo/children.ts';
import { addMembers, type Shop, startShop } from '../../demo/shop.ts';
import { ShopFolder } from '../../demo/shopFolder.ts';

export type Balances = Map<number, number>;

/** The demo's own shop in a folder and on ports of its own, with what a test asks of both sides. */
export class TestShop {
  readonly shop: Shop;
  readonly folder: string;
  /** The site's key, which only the backend and WordPress's database know. */
  readonly key: string;
  #children: Children;

  private constructor(parts: { shop: Shop; folder: string; key: string; children: Children }) {
    this.shop = parts.shop;
    this.folder = parts.folder;
    this.key = parts.key;
    this.#children = parts.children;
  }

  static async start(): Promise<TestShop> {
    const folder = await mkdtemp(join(tmpdir(), 'artly-e2e-'));
    const children = new Children(join(folder, 'children.json'));
    try {
      const shop = await startShop(children, { folder: new ShopFolder(folder) });
      const [row] = await shop.mariadb.query(
        "SELECT option_value FROM wp_options WHERE option_name = '_artly_reminder_engine_secret'",
      );
      return new TestShop({ shop, folder, key: String(row?.option_value), children });
    } catch (error) {
      await children.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#children.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async addMembers(range: { from: number; count: number }): Promise<void> {
    await addMembers(this.shop, range);
  }

  /** Makes WordPress, and with it the browser, speak to the backend by another address. */
  async connectBy(backendUrl: string): Promise<void> {
    await this.shop.mariadb.execute([
      `UPDATE wp_options SET option_value = '${backendUrl}' WHERE option_name = '_artly_reminder_engine_url'`,
    ]);
  }

  /** What the members have, by the database of the shop. */
  async balancesInShop(): Promise<Balances> {
    const rows = await this.shop.mariadb.query(
      'SELECT user_id, SUM(points_balance) AS balance FROM wp_wc_points_rewards_user_points GROUP BY user_id',
    );
    return new Map(rows.map((row) => [Number(row.user_id), Number(row.balance)]));
  }

  /** What the members have, by the API of the backend. */
  async balancesInBackend(): Promise<Balances> {
    const balances: Balances = new Map();
    let after: number | null = 0;
    while (after !== null) {
      const page: BalancePage = await this.#get(`/artly/points-balances?after=${after}&limit=1000`);
      for (const { wp_user_id, points_balance } of page.balances) balances.set(wp_user_id, points_balance);
      after = page.next;
    }
    return balances;
  }

  /** The jobs of this shop, newest first. */
  async jobs(): Promise<{ jobId: string; status: string; processed: number; total: number }[]> {
    const { jobs } = await this.#get<{ jobs: [] }>('/artly/sync/jobs?limit=100');
    return jobs;
  }

  async #get<Answer>(path: string): Promise<Answer> {
    const response = await fetch(this.shop.backend.url + path, { headers: { 'x-artly-secret': this.key } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

type BalancePage = { balances: { wp_user_id: number; points_balance: number }[]; next: number | null };
