import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Children } from './children.ts';
import { DemoLock } from './demoLock.ts';
import { isFree } from './ports.ts';
import { type Shop, type Step, startShop } from './shop.ts';
import { ShopFolder } from './shopFolder.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEFAULT_BACKEND_PORT = 4000;
const DEFAULT_SHOP_PORT = 8080;

const USAGE = `npm run demo -- [options]

Starts the backend and a real WordPress shop with made-up members, and prints where they are.

  --fresh            start over: forget the shop and its balances of earlier runs
  --port PORT        the backend's port (default ${DEFAULT_BACKEND_PORT}, or a free one)
  --shop-port PORT   the shop's port (default ${DEFAULT_SHOP_PORT}, or a free one)
  --help             show this

It keeps everything in .artly/demo, or in the folder that ARTLY_DEMO_DIR names.`;

type DemoOptions = { fresh: boolean; help: boolean; port: number | undefined; shopPort: number | undefined };

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readOptions(args: string[]): DemoOptions {
  const { values } = parseArgs({
    args,
    options: {
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      port: { type: 'string' },
      'shop-port': { type: 'string' },
    },
  });
  return {
    fresh: values.fresh,
    help: values.help,
    port: readPort('--port', values.port),
    shopPort: readPort('--shop-port', values['shop-port']),
  };
}

function readPort(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new Error(`${name} takes a port from 1 to 65535, not "${value}".`);
}

/** A port that was asked for is taken or refused, never swapped for another. */
async function wishedPorts(name: string, asked: number | undefined, usual: number): Promise<number[]> {
  if (asked === undefined) return [usual];
  if (await isFree(asked)) return [asked];
  throw new Error(`Port ${asked} is taken by another program. Choose another one with ${name}.`);
}

const showStep: Step = async (title, work) => {
  const started = performance.now();
  const result = await work();
  print(`  ✓ ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return result;
};

function showAddresses({ backend, wordpress, adminPassword }: Shop): void {
  print(`
  The shop's sync page   ${wordpress.syncPageUrl}
  Sign in as             ${wordpress.adminUser}
  with the password      ${adminPassword}
  The backend            ${backend.url}
  Its dashboard          ${backend.url}/
  Sign in by the token   ${backend.adminToken}

  Ctrl-C stops everything.
`);
}

/** Runs until a signal, or until one of the children ends by itself, which is an error. */
async function runDemo(children: Children, folder: ShopFolder, options: DemoOptions): Promise<void> {
  const left = await children.stopLeftovers();
  if (left > 0)
    print(`  ✓ Ended ${left} program${left === 1 ? '' : 's'} that an earlier demo had left running`);
  if (options.fresh) await folder.clear();
  const shop = await startShop(children, {
    folder,
    backendPorts: await wishedPorts('--port', options.port, DEFAULT_BACKEND_PORT),
    shopPorts: await wishedPorts('--shop-port', options.shopPort, DEFAULT_SHOP_PORT),
    step: showStep,
  });
  showAddresses(shop);
  const child = await children.firstEnded();
  if (!children.signal.aborted) throw child.failure(await child.ended);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return print(USAGE);
  const path = resolve(process.env.ARTLY_DEMO_DIR ?? join(ROOT, '.artly/demo'));
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = new DemoLock(join(path, 'demo.lock'));
  const holder = lock.take();
  if (holder !== undefined) {
    throw new Error(
      `A demo already runs from ${path} (process ${holder}). Use that one, or stop it with Ctrl-C first.`,
    );
  }
  const children = new Children(join(path, 'children.json'));
  let stopping: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping === undefined) print('\n  Stopping …');
      stopping ??= children.stop();
    });
  }
  try {
    await runDemo(children, new ShopFolder(path), options);
  } catch (error) {
    // What fails because everything is being stopped is no failure.
    if (!children.signal.aborted) throw error;
  } finally {
    await (stopping ?? children.stop());
    lock.release();
  }
  print('  ✓ Everything is stopped');
}

main().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`\n${reason}\n`);
  process.exitCode = 1;
});
