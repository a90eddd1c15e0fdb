import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChildProcess } from './childProcess.ts';
import type { Children } from './children.ts';
import { runProgram } from './runProgram.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CLI = 'server/src/cli.ts';

export type BackendOptions = {
  /** Holds the database and the log; made when it isn't there. */
  folder: string;
  port: number;
  /** The operator's sign-in, for the dashboard. */
  adminToken: string;
  /** Whose pages may watch jobs. The shop is known by the port it was added with, and may have another one today. */
  shopUrl: string;
};

/** The backend on SQLite, as `npm start` runs it. */
export class Backend {
  readonly url: string;
  readonly folder: string;
  readonly adminToken: string;
  #children: Children;
  #options: BackendOptions;
  #process: ChildProcess | undefined;

  constructor(children: Children, options: BackendOptions) {
    this.#children = children;
    this.#options = options;
    this.folder = options.folder;
    this.adminToken = options.adminToken;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  get process(): ChildProcess {
    if (this.#process === undefined) throw new Error('The backend has not been started.');
    return this.#process;
  }

  get databaseFile(): string {
    return join(this.folder, 'artly-sync.db');
  }

  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    this.#process = this.#children.start({
      name: 'The backend',
      command: process.execPath,
      args: [CLI, 'serve'],
      cwd: ROOT,
      env: this.#environment(),
      logFile: join(this.folder, 'backend.log'),
    });
    await this.#process.waitUntilReady({ isReady: () => isHealthy(this.url), seconds: 30 });
  }

  async stop(): Promise<void> {
    await this.#children.stopOne(this.process);
  }

  /** Makes a key for a shop. The key is a secret: it is handed on, never printed. */
  async addSite(url: string): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const output = await runProgram(process.execPath, [CLI, 'sites', 'add', url, '--json'], {
      cwd: ROOT,
      env: this.#environment(),
      signal: this.#children.signal,
    });
    const site: { key?: unknown } = JSON.parse(output);
    if (typeof site.key !== 'string') throw new Error('`artly-sync sites add` gave no key.');
    return site.key;
  }

  #environment(): Record<string, string> {
    return {
      PORT: String(this.#options.port),
      HOST: '127.0.0.1',
      ARTLY_BROWSER_ORIGINS: this.#options.shopUrl,
      DATABASE_URL: `sqlite:${this.databaseFile}`,
      ARTLY_ADMIN_TOKEN: this.adminToken,
    };
  }
}

/** Asks for the name too: another program may sit on the port. */
async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) });
  const health: { success?: unknown; name?: unknown } = JSON.parse(await response.text());
  return response.status === 200 && health.success === true && health.name === 'artly-sync';
}
