import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { choosePort } from '../../../demo/ports.ts';

/** Where Debian and its relatives keep the server's programs, and where Homebrew does. */
const FOLDERS = ['/usr/lib/postgresql', '/opt/homebrew/opt'];
const START_MS = 30_000;
/** Tests don't lose power: they may spare the disk what a shop's server may not. */
const SPARING = ['-c', 'fsync=off', '-c', 'full_page_writes=off'];

interface PostgresOptions {
  /** Whether commits wait for the disk, as they do in a shop. */
  durable?: boolean;
  /** More arguments of the server, like `-c max_connections=300`. */
  settings?: string[];
}

/**
 * A PostgreSQL server of a test's own, on a free port of 127.0.0.1, with an empty data folder. PostgreSQL
 * refuses to run as root, so root starts it as the user that its package has made.
 */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #arguments: string[];
  readonly #user: User | undefined;
  #child: ChildProcess | undefined;

  private constructor({
    port,
    folder,
    settings,
    user,
  }: { port: number; folder: string; settings: string[]; user: User | undefined }) {
    this.port = port;
    this.#folder = folder;
    this.#arguments = settings;
    this.#user = user;
  }

  static async start({ durable = false, settings = [] }: PostgresOptions = {}): Promise<PostgresServer> {
    const user = userOfPostgres();
    const folder = mkdtempSync(join(tmpdir(), 'artly-postgres-'));
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const data = join(folder, 'data');
    execFileSync(
      programOf('initdb'),
      ['-D', data, '-U', 'artly', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
      {
        ...user,
        stdio: ['ignore', 'ignore', 'pipe'],
        cwd: folder,
      },
    );
    const all = [...(durable ? [] : SPARING), ...settings];
    const server = new PostgresServer({ port: await choosePort([]), folder, settings: all, user });
    await server.restart();
    return server;
  }

  /** Starts the server again on its data, after `stop` or a crash. */
  async restart(): Promise<void> {
    const child = spawn(
      programOf('postgres'),
      [
        '-D',
        join(this.#folder, 'data'),
        '-p',
        String(this.port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
        ...this.#arguments,
      ],
      { ...this.#user, stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder },
    );
    this.#child = child;
    const log: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (log.push(text) > 100) log.shift();
    });
    const deadline = Date.now() + START_MS;
    while (!(await answers(this.url('postgres')))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`PostgreSQL did not start: ${log.join('')}`);
      await pause(20);
    }
  }

  /** The address of a database of this server. */
  url(database: string): string {
    return `postgres://artly@127.0.0.1:${this.port}/${database}`;
  }

  /** Makes an empty database and gives its address. */
  async database(): Promise<string> {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await runSql(this.url('postgres'), `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Stops it as an operator does (`fast`), or as a crash does (`immediate`); the data stay. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  /** Stops it and deletes its data. */
  async remove(): Promise<void> {
    await this.stop('immediate');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface User {
  uid: number;
  gid: number;
}

function userOfPostgres(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** The newest version that is installed. */
function programOf(name: string): string {
  const found = FOLDERS.filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((version) => join(folder, version, 'bin', name)))
    .filter((path) => existsSync(path))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
    .at(-1);
  if (found === undefined) throw new Error('PostgreSQL is missing. Run: sh scripts/setup.sh system');
  return found;
}

async function answers(url: string): Promise<boolean> {
  return runSql(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

/** Runs one statement on a connection of its own, and gives its rows. */
export async function runSql(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
