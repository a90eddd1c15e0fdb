import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import pg from 'pg';
import type { Log } from '../domain/log.ts';
import type { Note, Notices } from './notices.ts';

const CHANNEL = 'artly_sync';
/** Topics of our own. */
const ECHO = 'echo';
const GAP = 'gap';
/** Between two statements that send: bounds what a busy process costs all others. */
const SEND_EVERY_MS = 100;
/** Notes that wait while the connection is away; beyond that, one note says that there was a gap. */
const MOST_PENDING = 10_000;
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

export interface PostgresNoticesOptions {
  url: string;
  log: Log;
  /** How often it is checked that notes come in, and how long one, or any answer, may take. */
  echoEveryMs?: number;
  echoWithinMs?: number;
}

/**
 * Notes by LISTEN and NOTIFY, on one connection of their own. It counts as lost when the server closes it, and also
 * when a note to itself does not come back: a firewall may drop it in silence, and a pooler that gives out a
 * connection for a transaction only takes a LISTEN and brings nothing.
 */
export class PostgresNotices implements Notices {
  readonly #me = randomUUID();
  readonly #options: Required<PostgresNoticesOptions>;
  readonly #listeners = new EventEmitter().setMaxListeners(0);
  readonly #pending = new Map<string, Note>();
  #client: pg.Client | undefined;
  /** Whether the client takes statements. */
  #connected = false;
  #deaf = true;
  #stopped = false;
  #tries = 0;
  #dropped = false;
  #sentAt = 0;
  #sending: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;

  constructor({ echoEveryMs = 10_000, echoWithinMs = 5_000, ...options }: PostgresNoticesOptions) {
    this.#options = { echoEveryMs, echoWithinMs, ...options };
  }

  get deaf(): boolean {
    return this.#deaf;
  }

  /** Resolves after the first try to connect, however it ended: without notes, everything works, only later. */
  start(): Promise<void> {
    return this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#sending);
    clearTimeout(this.#next);
    await this.#flush();
    await this.#client?.end().catch(() => undefined);
  }

  send(note: Note): void {
    const name = `${note.topic} ${note.key}`;
    this.#pending.delete(name);
    this.#pending.set(name, note);
    if (this.#pending.size > MOST_PENDING) {
      this.#pending.clear();
      this.#dropped = true;
    }
    this.#flushSoon();
  }

  on(topic: string, listener: (text: string) => void): void {
    this.#listeners.on(topic, listener);
  }

  onGap(listener: () => void): void {
    this.#listeners.on(GAP, listener);
  }

  async #connect(): Promise<void> {
    const client = this.#newClient();
    this.#client = client;
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('The connection was closed.')));
    client.on('notification', ({ payload }) => this.#heard(client, payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#connected = true;
      this.#expectEcho(client);
      await this.#callFromOutside();
      this.#flushSoon();
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #newClient(): pg.Client {
    return new pg.Client({
      connectionString: this.#options.url,
      application_name: 'artly-sync notices',
      connectionTimeoutMillis: 5_000,
      query_timeout: this.#options.echoWithinMs,
      keepAlive: true,
    });
  }

  /** Once for each client, whatever ended it. */
  #lost(client: pg.Client, cause: unknown): void {
    if (client !== this.#client || this.#stopped) return;
    this.#client = undefined;
    this.#connected = false;
    client.end().catch(() => undefined);
    if (this.#tries === 0) this.#options.log.warn('notices.away', { cause: String(cause) });
    this.#deaf = true;
    const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** this.#tries, LONGEST_PAUSE_MS);
    this.#tries += 1;
    this.#after(pauseMs * (0.5 + Math.random() / 2), () => void this.#connect());
  }

  /** A note to itself must come back in time. */
  #expectEcho(client: pg.Client): void {
    const silent = new Error(
      'No note comes back: LISTEN needs a connection without a pooler, or with one by session.',
    );
    this.#after(this.#options.echoWithinMs, () => this.#lost(client, silent));
  }

  #echo(client: pg.Client): void {
    this.#expectEcho(client);
    this.#notify(client, [[this.#me, ECHO, '']]).catch((error) => this.#lost(client, error));
  }

  /** The first one by another connection: a pooler by transaction may well bring back what goes out by the same one. */
  async #callFromOutside(): Promise<void> {
    const other = this.#newClient();
    other.on('error', () => undefined);
    try {
      await other.connect();
      await this.#notify(other, [[this.#me, ECHO, '']]);
    } finally {
      await other.end().catch(() => undefined);
    }
  }

  #heard(client: pg.Client, payload: string): void {
    const [from, topic, text] = JSON.parse(payload) as [string, string, string];
    if (from !== this.#me) this.#listeners.emit(topic, text);
    else if (topic === ECHO && client === this.#client) this.#hears(client);
  }

  #hears(client: pg.Client): void {
    this.#after(this.#options.echoEveryMs, () => this.#echo(client));
    if (!this.#deaf) return;
    this.#deaf = false;
    if (this.#tries > 0) this.#options.log.info('notices.back');
    this.#tries = 0;
    this.#listeners.emit(GAP);
  }

  /** One thing at a time is waited for: the next try, the next echo, or the echo's return. */
  #after(milliseconds: number, step: () => void): void {
    clearTimeout(this.#next);
    if (!this.#stopped) this.#next = setTimeout(step, milliseconds);
  }

  /** At once where the last time is long enough ago. */
  #flushSoon(): void {
    if (this.#sending !== undefined || this.#stopped) return;
    const waitMs = Math.max(0, this.#sentAt + SEND_EVERY_MS - Date.now());
    this.#sending = setTimeout(() => {
      this.#sending = undefined;
      void this.#flush();
    }, waitMs);
  }

  async #flush(): Promise<void> {
    const client = this.#client;
    if (client === undefined || !this.#connected || (this.#pending.size === 0 && !this.#dropped)) return;
    const notes = [...this.#pending];
    const dropped = this.#dropped;
    this.#pending.clear();
    this.#dropped = false;
    this.#sentAt = Date.now();
    const rows = notes.map(([, { topic, text }]) => [this.#me, topic, text]);
    try {
      await this.#notify(client, dropped ? [[this.#me, GAP, ''], ...rows] : rows);
    } catch {
      // The connection is going: they are sent on the next one, but where a newer note stands.
      for (const [name, note] of notes) if (!this.#pending.has(name)) this.#pending.set(name, note);
      this.#dropped ||= dropped;
    }
  }

  async #notify(client: pg.Client, rows: string[][]): Promise<void> {
    const payloads = rows.map((row) => JSON.stringify(row));
    await client.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [
      CHANNEL,
      payloads,
    ]);
  }
}
