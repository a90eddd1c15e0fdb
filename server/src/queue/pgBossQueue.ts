import { randomUUID } from 'node:crypto';
import type { PoolConfig } from 'pg';
import { type DatabaseOptions, type Job as Message, PgBoss } from 'pg-boss';
import { SyncError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import type { Queue, TurnHandler } from './queue.ts';

/** Of its first turns, each comes before those of jobs that have had more; then all are equal. */
const YOUNG_TURNS = 5;
/** Of so many looks at the line, one passes over younger jobs: however many come, the others go on. */
const LOOKS_A_PASSING_OVER = 4;
/** The net below the bell: who was not rung for waits for so long, and where no bell can be heard, for so long. */
const POLL_MS = 10_000;
const POLL_DEAF_MS = 1_000;
/** Between two tries while the database is away. */
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Tells the workers of other processes that something was put into the line. */
export interface Bell {
  /** Whether the bell can't be heard here now. */
  readonly deaf: boolean;
  ring(): void;
  onRing(listener: () => void): void;
}

export interface PgBossQueueOptions {
  url: string;
  /** Connections that the queue may use at most. */
  poolSize: number;
  /** Turns that this process gives at once. */
  workers: number;
  /** Whether this process does the housekeeping of pg-boss too; any number may. */
  supervise: boolean;
  bell: Bell;
  log: Log;
  onError: (error: unknown, jobId: string) => void;
  name?: string;
}

interface Look {
  jobId: string;
  holder: string;
  /** Turns that the holder has had. */
  turns: number;
}

interface InHand {
  holder: string;
  /** What was sent for this job during its turn. */
  waiting: Look | undefined;
}

/**
 * The queue of any number of processes, on pg-boss: who is free takes the next messages, and a message is deleted
 * when its turn has ended. What pg-boss would do after failures is off, since the job's row decides that.
 */
export class PgBossQueue implements Queue {
  readonly #boss: PgBoss;
  readonly #options: PgBossQueueOptions;
  readonly #name: string;
  readonly #stopping = new AbortController();
  readonly #inHand = new Map<string, InHand>();
  readonly #turns = new Set<Promise<void>>();
  readonly #delays = new Set<NodeJS.Timeout>();
  #poll: NodeJS.Timeout | undefined;
  #handler: TurnHandler | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #looks = 0;
  #failures = 0;

  private constructor(boss: PgBoss, options: PgBossQueueOptions) {
    this.#boss = boss;
    this.#options = options;
    this.#name = options.name ?? 'artly-jobs';
  }

  /** Connects, and makes what pg-boss needs in the database where that is missing. */
  static async open(options: PgBossQueueOptions): Promise<PgBossQueue> {
    const { url, poolSize, supervise, log } = options;
    // A network that swallows everything must not make a request wait for ever.
    const connections: PoolConfig = {
      connectionString: url,
      application_name: 'artly-sync queue',
      max: poolSize,
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
      keepAlive: true,
    };
    const boss = new PgBoss({
      ...(connections as DatabaseOptions),
      schedule: false,
      supervise,
      superviseIntervalSeconds: 60,
      // Neither flows nor a registry of processes are used here: without this they would ask every few seconds.
      flowIntervalSeconds: 3_600,
      registerInstance: false,
    });
    boss.on('error', (error) => log.warn('queue.error', { cause: String(error.message ?? error) }));
    boss.on('warning', ({ message, data }) => log.warn('queue.warning', { message, data }));
    const queue = new PgBossQueue(boss, options);
    try {
      await queue.#start();
    } catch (cause) {
      await boss.stop({ graceful: false }).catch(() => undefined);
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `The queue can't be opened in the database: ${reason}. Its user needs the right to make the schema pgboss, once.`;
      throw new SyncError('STORAGE_UNAVAILABLE', message, { cause });
    }
    return queue;
  }

  /** Never rejects: the job is in the database, and where its message gets lost, the sweep finds it. */
  async send(jobId: string, { delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (delayMs > 0) return this.#sendLater(jobId, delayMs);
    const look: Look = { jobId, holder: randomUUID(), turns: 0 };
    try {
      await this.#boss.send(this.#name, look, { singletonKey: jobId, priority: priorityOf(look) });
    } catch (error) {
      this.#failed(error);
    }
    this.#wakeAll();
  }

  async work(handler: TurnHandler): Promise<void> {
    this.#handler = handler;
    this.#options.bell.onRing(() => this.#look());
    this.#pollAgain();
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#delays) clearTimeout(timer);
    clearTimeout(this.#poll);
    await this.#looking;
    await Promise.all(this.#turns);
    await this.#boss.stop({ graceful: false });
  }

  async #start(): Promise<void> {
    await this.#boss.start();
    await this.#boss.createQueue(this.#name, {
      // One message a job waits at most; one that is sent during a turn waits beside the one in hand.
      policy: 'short',
      retryLimit: 0,
      // Messages of processes that died: nobody waits for them.
      expireInSeconds: 3_600,
      deleteAfterSeconds: 60,
    });
  }

  /** pg-boss tells nobody of a message whose time has come. This process does; if it dies, the sweep does. */
  #sendLater(jobId: string, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      void this.send(jobId);
    }, delayMs);
    this.#delays.add(timer);
  }

  #wakeAll(): void {
    this.#options.bell.ring();
    this.#look();
  }

  #pollAgain(): void {
    const everyMs = this.#options.bell.deaf ? POLL_DEAF_MS : POLL_MS;
    this.#poll = setTimeout(() => {
      this.#look();
      this.#pollAgain();
    }, everyMs);
  }

  /** Sees to it that the line is looked at after this moment. */
  #look(): void {
    const handler = this.#handler;
    if (handler === undefined || this.#stopping.signal.aborted) return;
    this.#lookAgain = true;
    this.#looking ??= this.#takeMessages(handler).finally(() => {
      this.#looking = undefined;
      if (this.#lookAgain) this.#look();
    });
  }

  async #takeMessages(handler: TurnHandler): Promise<void> {
    while (this.#lookAgain && !this.#stopping.signal.aborted) {
      this.#lookAgain = false;
      const free = this.#options.workers - this.#turns.size;
      if (free <= 0) return;
      try {
        const messages = await this.#fetch(free);
        this.#succeeded();
        for (const message of messages) await this.#begin(message, handler);
      } catch (error) {
        this.#failed(error);
        this.#delay();
      }
    }
  }

  async #fetch(batchSize: number): Promise<Message<Look>[]> {
    this.#looks += 1;
    if (this.#looks % LOOKS_A_PASSING_OVER === 0) {
      // Over the first turns, and the next time over all young jobs.
      const maxPriority = this.#looks % (2 * LOOKS_A_PASSING_OVER) === 0 ? 0 : YOUNG_TURNS - 1;
      const found = await this.#boss.fetch<Look>(this.#name, { batchSize, maxPriority });
      if (found.length > 0) return found;
    }
    return this.#boss.fetch<Look>(this.#name, { batchSize });
  }

  /** A message that was taken too late goes back, and one whose job has a turn waits for the end of that. */
  async #begin(message: Message<Look>, handler: TurnHandler): Promise<void> {
    const inHand = this.#inHand.get(message.data.jobId);
    if (inHand !== undefined) {
      if (inHand.waiting?.holder !== inHand.holder) inHand.waiting = message.data;
      await this.#settle(message, undefined);
    } else if (this.#stopping.signal.aborted) {
      await this.#settle(message, message.data);
    } else {
      const turn = this.#takeTurn(message, handler).finally(() => {
        this.#turns.delete(turn);
        this.#wakeAll();
      });
      this.#turns.add(turn);
    }
  }

  async #takeTurn(message: Message<Look>, handler: TurnHandler): Promise<void> {
    const { jobId, holder, turns } = message.data;
    const inHand: InHand = { holder, waiting: undefined };
    this.#inHand.set(jobId, inHand);
    const signal = this.#stopping.signal;
    const again = await this.#askHandler(() => handler({ jobId, holder, signal }), jobId);
    await this.#settle(message, again ? { jobId, holder, turns: turns + 1 } : undefined);
    this.#inHand.delete(jobId);
    const { waiting } = inHand;
    // Where the job stands in line again, only the message in its holder's name must not get lost.
    if (waiting !== undefined && (!again || waiting.holder === holder)) await this.#putBack(waiting);
  }

  async #askHandler(ask: () => Promise<'again' | 'done'>, jobId: string): Promise<boolean> {
    try {
      return (await ask()) === 'again';
    } catch (error) {
      this.#options.onError(error, jobId);
      return false;
    }
  }

  /** Takes a message out of the line, after the one that follows it has come into it. */
  async #settle({ id }: Message<Look>, next: Look | undefined): Promise<void> {
    if (next !== undefined) await this.#putBack(next);
    await this.#boss.deleteJob(this.#name, id).catch((error) => this.#failed(error));
  }

  /**
   * To the back of the line. A message that waits already takes over the holder: who comes next comes in its name. Each
   * statement is a transaction of its own (`db`): pg-boss would keep one open over several, and where the network fails
   * between two of them, the server would keep the message locked for hours.
   */
  async #putBack(look: Look): Promise<void> {
    const own = this.#boss.getDb();
    const db: typeof own = { executeSql: (text, values) => own.executeSql(text, values) };
    const rest = { singletonKey: look.jobId, priority: priorityOf(look), db };
    await this.#boss.upsert(this.#name, look, rest).catch((error) => this.#failed(error));
  }

  #delay(): void {
    const pauseMs = Math.min(SHORTEST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      this.#look();
    }, pauseMs);
    this.#delays.add(timer);
  }

  /** One line in the log says that the queue can't be reached, and one that it can again. */
  #failed(error: unknown): void {
    if (this.#failures === 0) this.#options.log.warn('queue.away', { cause: String(error) });
    this.#failures += 1;
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#options.log.info('queue.back');
    this.#failures = 0;
  }
}

function priorityOf({ turns }: Look): number {
  return Math.max(0, YOUNG_TURNS - turns);
}
