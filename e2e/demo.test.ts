import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isFree } from '../demo/ports.ts';
import { isSameProcess, type ProcessMark } from '../demo/processMark.ts';
import { launchBrowser, signIn } from './support/browser.ts';
import { DashboardPage } from './support/dashboardPage.ts';
import { SyncPage } from './support/syncPage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('npm run demo', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'artly demo '));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test('brings up a page where one click syncs everyone, and leaves nothing behind on Ctrl-C', async () => {
    const demo = new RunningDemo(folder);
    try {
      const addresses = await demo.addresses();
      await syncByAClick(addresses);
      await seeTheJob(addresses);
      const second = new RunningDemo(folder);
      assert.equal(await second.ended, 1);
      assert.match(second.printed, /already runs/);
    } finally {
      await demo.interruptAndCheck(folder);
    }
  });

  test('starts again from the same folder, with the same sign-in and what was synced', async () => {
    const demo = new RunningDemo(folder);
    try {
      const { page, close } = await openSyncPage(await demo.addresses());
      await page.waitFor('completed');
      await close();
      assert.doesNotMatch(demo.printed, /Installing WordPress/);
    } finally {
      await demo.interruptAndCheck(folder);
    }
  });

  test('ends with a clear sentence when one of its programs dies', async () => {
    const demo = new RunningDemo(folder);
    await demo.addresses();
    const [first, ...others] = await childrenOf(folder);
    assert.ok(first !== undefined && others.length > 0);
    process.kill(first.pid, 'SIGKILL');
    assert.equal(await demo.ended, 1);
    assert.match(demo.printed, /MariaDB was ended by SIGKILL/);
    assert.match(demo.printed, /The whole log: .*mariadb\.log/);
    assert.deepEqual(others.filter(isSameProcess), []);
  });

  test('is not kept from starting by what a demo that was killed left behind', async () => {
    const killed = new RunningDemo(folder);
    await killed.addresses();
    const left = await childrenOf(folder);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const demo = new RunningDemo(folder);
    try {
      await demo.addresses();
      assert.deepEqual(left.filter(isSameProcess), []);
    } finally {
      await demo.interruptAndCheck(folder);
    }
  });
});

type Addresses = {
  syncPage: string;
  user: string;
  password: string;
  backend: string;
  dashboard: string;
  token: string;
};

/** The demo as a person starts it: a program of its own, known only by what it prints. */
class RunningDemo {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  printed = '';
  #noticed: (() => void)[] = [];

  constructor(folder: string) {
    this.process = spawn(process.execPath, ['demo/demo.ts'], {
      cwd: ROOT,
      env: { ...process.env, ARTLY_DEMO_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
        for (const notice of this.#noticed) notice();
      });
    }
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
  }

  /** Waits for the block with the addresses, and reads it. */
  async addresses(): Promise<Addresses> {
    const block = new Promise<void>((resolve) => {
      const look = () => this.printed.includes('Ctrl-C stops') && resolve();
      this.#noticed.push(look);
      look();
    });
    await Promise.race([block, this.ended]);
    const line = (label: string) => new RegExp(`${label} +(\\S+)`).exec(this.printed)?.[1] ?? '';
    const found = {
      syncPage: line("The shop's sync page"),
      user: line('Sign in as'),
      password: line('with the password'),
      backend: line('The backend'),
      dashboard: line('Its dashboard'),
      token: line('Sign in by the token'),
    };
    assert.ok(Object.values(found).every(Boolean), this.printed);
    return found;
  }

  /** Ctrl-C: it ends well, and takes all its programs and their ports with it. */
  async interruptAndCheck(folder: string): Promise<void> {
    const children = await childrenOf(folder);
    assert.ok(children.length >= 3);
    const { syncPage, backend } = await this.addresses();
    this.process.kill('SIGINT');
    assert.equal(await this.ended, 0, this.printed);
    assert.deepEqual(children.filter(isSameProcess), []);
    for (const url of [syncPage, backend]) assert.ok(await isFree(Number(new URL(url).port)), url);
  }
}

async function childrenOf(folder: string): Promise<ProcessMark[]> {
  return JSON.parse(await readFile(join(folder, 'children.json'), 'utf8'));
}

/** On the dashboard, with what the demo has printed. */
async function seeTheJob({ dashboard, token }: Addresses): Promise<void> {
  const browser = await launchBrowser();
  try {
    const page = await DashboardPage.signIn(await browser.newContext(), { url: dashboard, token });
    await page.jobsInState('completed').first().waitFor();
  } finally {
    await browser.close();
  }
}

async function openSyncPage({ syncPage, user, password }: Addresses) {
  const browser = await launchBrowser();
  const context = await browser.newContext();
  const page = new SyncPage(await signIn(context, { siteUrl: new URL(syncPage).origin, user, password }));
  await page.page.goto(syncPage);
  return { page, close: () => browser.close() };
}

async function syncByAClick(addresses: Addresses): Promise<void> {
  const { page, close } = await openSyncPage(addresses);
  try {
    const events = await page.startAndWatchLive(addresses.backend);
    assert.equal(events.status(), 200, 'the browser may watch the job at the backend');
    await page.waitFor('completed');
    assert.equal(await page.count(), '5,000 / 5,000');
  } finally {
    await close();
  }
}
