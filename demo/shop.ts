import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Backend } from './backend.ts';
import type { Children } from './children.ts';
import { Mariadb } from './mariadb.ts';
import { type MemberRange, memberStatements, pointsStatements, pointsTableStatement } from './members.ts';
import { choosePort } from './ports.ts';
import { runProgram } from './runProgram.ts';
import { newMemory, type ShopFolder } from './shopFolder.ts';
import { Wordpress } from './wordpress.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TYPESCRIPT = join(ROOT, 'node_modules/.bin/tsc');
const SCRIPT_SETTINGS = join(ROOT, 'tsconfig.browser.json');
const SCRIPT_SOURCES = join(ROOT, 'wp-content/plugins/artly-reminder-bridge/src');
const SCRIPT = join(ROOT, 'wp-content/plugins/artly-reminder-bridge/assets/admin.js');
const TITLE = 'Artly Demo Shop';
const MEMBERS_WITH_POINTS = 5000;
const MEMBERS_WITHOUT_POINTS = 200;

// The plugin's options; their names are fixed by the contract with older versions.
const URL_OPTION = '_artly_reminder_engine_url';
const KEY_OPTION = '_artly_reminder_engine_secret';

/** Does one step of a start, and may show it. */
export type Step = <T>(title: string, work: () => Promise<T>) => Promise<T>;

export type ShopOptions = {
  folder: ShopFolder;
  /** Ports to take where they are free, the most wished for first. */
  backendPorts?: number[];
  shopPorts?: number[];
  step?: Step;
};

/** All that runs: the backend, MariaDB, and a WordPress with the plugin connected and members with points. */
export type Shop = {
  backend: Backend;
  mariadb: Mariadb;
  wordpress: Wordpress;
  adminPassword: string;
};

/** Starts a shop in its folder, which it prepares where that has not been done. The children are the caller's to stop. */
export async function startShop(children: Children, options: ShopOptions): Promise<Shop> {
  const { folder, backendPorts = [], shopPorts = [], step = (_title, work) => work() } = options;
  const recalled = await folder.recall();
  const memory = recalled ?? (await newMemory());
  memory.backendPort = await choosePort([...backendPorts, memory.backendPort]);
  memory.shopPort = await choosePort([...shopPorts, memory.shopPort]);

  await step("Building the plugin's script", () => buildPluginScript(children.signal));
  const mariadb = await step('Starting MariaDB', async () =>
    Mariadb.start(children, {
      folder: folder.mariadb,
      port: await choosePort([]),
      password: memory.databasePassword,
    }),
  );
  const wordpress = new Wordpress(children, mariadb, {
    folder: folder.wordpress,
    port: memory.shopPort,
    title: TITLE,
    adminPassword: memory.adminPassword,
  });
  const backend = new Backend(children, {
    folder: folder.backend,
    port: memory.backendPort,
    shopUrl: wordpress.url,
    adminToken: memory.adminToken,
  });
  const shop: Shop = { mariadb, backend, wordpress, adminPassword: memory.adminPassword };
  if (recalled === undefined) await prepare(shop, step);
  await folder.remember(memory);
  await step('Starting the backend', () => shop.backend.start());
  await step('Starting WordPress', () => openShop(shop));
  return shop;
}

/** Adds members with points, whose numbers must not be taken yet. */
export async function addMembers(
  { mariadb, wordpress }: Shop,
  range: Omit<MemberRange, 'prefix'>,
): Promise<void> {
  const members = { ...range, prefix: wordpress.tablePrefix };
  await mariadb.execute([...memberStatements(members), ...pointsStatements(members)]);
}

async function prepare(shop: Shop, step: Step): Promise<void> {
  const { backend, mariadb, wordpress } = shop;
  await step('Installing WordPress', () => wordpress.install());
  await step(
    `Adding ${MEMBERS_WITH_POINTS} members with points, ${MEMBERS_WITHOUT_POINTS} without`,
    async () => {
      const prefix = wordpress.tablePrefix;
      const without = { from: MEMBERS_WITH_POINTS + 1, count: MEMBERS_WITHOUT_POINTS, prefix };
      await mariadb.execute([pointsTableStatement(prefix), ...memberStatements(without)]);
      await addMembers(shop, { from: 1, count: MEMBERS_WITH_POINTS });
    },
  );
  await step('Connecting the shop to the backend', async () => {
    const key = await backend.addSite(wordpress.url);
    await wordpress.configure({ [URL_OPTION]: backend.url, [KEY_OPTION]: key });
  });
}

async function openShop({ backend, wordpress }: Shop): Promise<void> {
  await wordpress.configure({ [URL_OPTION]: backend.url });
  await wordpress.serve();
}

/** Where nothing changed, the file is left alone: a page may be loading it. */
async function buildPluginScript(signal: AbortSignal): Promise<void> {
  const sources = [SCRIPT_SETTINGS, ...readdirSync(SCRIPT_SOURCES).map((name) => join(SCRIPT_SOURCES, name))];
  const changed = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const built = statSync(SCRIPT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > changed) return;
  await runProgram(TYPESCRIPT, ['-p', SCRIPT_SETTINGS], { cwd: ROOT, signal });
}
