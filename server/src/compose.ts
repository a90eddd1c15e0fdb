import { v7 as uuidv7 } from 'uuid';
import type { Config, DatabaseConfig } from './config.ts';
import type { Log } from './domain/log.ts';
import { Intake } from './intake/intake.ts';
import { NoticesBell } from './notices/noticesBell.ts';
import { PostgresNotices } from './notices/postgresNotices.ts';
import { InProcessQueue } from './queue/inProcessQueue.ts';
import { PgBossQueue } from './queue/pgBossQueue.ts';
import type { Queue } from './queue/queue.ts';
import { ArtlyService } from './services/artlyService.ts';
import { type Clock, systemClock } from './services/clock.ts';
import { IntakeService } from './services/intakeService.ts';
import { type JobChanges, LocalJobChanges } from './services/jobChanges.ts';
import { PartsService } from './services/partsService.ts';
import { SharedJobChanges } from './services/sharedJobChanges.ts';
import { SiteService } from './services/siteService.ts';
import { StorageWatch } from './services/storageWatch.ts';
import { Sweep } from './services/sweep.ts';
import { SyncJobService } from './services/syncJobService.ts';
import { UploadDiscard } from './services/uploadDiscard.ts';
import { openPostgresStorage } from './storage/postgresStorage.ts';
import { openSqliteStorage, visitSqliteStorage } from './storage/sqliteStorage.ts';
import type { OpenStorage, Storage } from './storage/storage.ts';

/** What a running server is made of. */
export interface Parts {
  storage: Storage;
  queue: Queue;
  sites: SiteService;
  jobs: SyncJobService;
  intake: IntakeService;
  inParts: PartsService;
  artly: ArtlyService;
  sweep: Sweep;
  watch: StorageWatch;
  close(): Promise<void>;
}

/** What tests put around or in place of a part. */
export interface Replacements {
  clock?: Clock;
  wrapStorage?: (storage: Storage) => Storage;
  wrapQueue?: (queue: Queue) => Queue;
}

/** What differs between the databases. */
interface Adapters {
  storage: Storage;
  queue: Queue;
  changes: JobChanges;
  /** How long one job is worked on before the next one has its turn. */
  turnMs: number;
  close(): Promise<void>;
}

/** On SQLite, one worker serves all: short turns, so that a small job waits little. */
const SQLITE_TURN_MS = 100;
/** On PostgreSQL, to go back into the line costs some statements, and there are several workers. */
const POSTGRES_TURN_MS = 500;
/** Statements of the queue are few and short. */
const QUEUE_CONNECTIONS = 2;
/** For a visit of the command line. */
const VISIT_CONNECTIONS = 2;

/** The only place that picks adapters and constructs the parts. */
export async function compose(config: Config, log: Log, replacements: Replacements = {}): Promise<Parts> {
  const { clock = systemClock, wrapStorage = (storage) => storage } = replacements;
  const { wrapQueue = (queue) => queue } = replacements;
  const adapters = await openAdapters(config, log);
  const storage = wrapStorage(adapters.storage);
  const queue = wrapQueue(adapters.queue);
  const watch = new StorageWatch({ storage, log });
  const intakeThread = new Intake();
  const sites = new SiteService({ storage, clock });
  if (config.apiSecret !== undefined) await sites.allowEnvironmentKey(config.apiSecret);
  const jobs = new SyncJobService({
    storage,
    queue,
    changes: adapters.changes,
    clock,
    log,
    watch,
    maxAttempts: config.jobAttempts,
  });
  const { maxRecords, maxBodyBytes, maxRejects } = config;
  const uploads = new UploadDiscard({ storage, log });
  const receiving = {
    storage,
    intake: intakeThread,
    jobs,
    clock,
    uploads,
    limits: { maxRecords, maxBodyBytes, maxRejects },
    newJobId: uuidv7,
  };
  const intake = new IntakeService(receiving);
  const inParts = new PartsService(receiving);
  const artly = new ArtlyService({ storage, jobs, intake, clock, watch, turnMs: adapters.turnMs });
  const sweep = new Sweep({
    storage,
    queue,
    jobs,
    uploads,
    watch,
    clock,
    log,
    retentionDays: config.retentionDays,
  });
  const close = async () => {
    await intakeThread.close();
    await adapters.close();
  };
  return { storage, queue, sites, jobs, intake, inParts, artly, sweep, watch, close };
}

/** Storage for a short visit beside running servers, as the command line makes it. */
export async function visitStorage({ database }: Config): Promise<OpenStorage> {
  if (database.kind === 'sqlite') return visitSqliteStorage(database);
  return openPostgresStorage({ url: database.url, poolSize: VISIT_CONNECTIONS });
}

function openAdapters(config: Config, log: Log): Promise<Adapters> {
  const { database } = config;
  if (database.kind === 'sqlite') return openForOneProcess(database.path, log);
  return openForManyProcesses(config, database, log);
}

async function openForOneProcess(path: string, log: Log): Promise<Adapters> {
  const { storage, close } = openSqliteStorage({ path });
  const queue = new InProcessQueue({ onError: turnFailed(log) });
  return { storage, queue, changes: new LocalJobChanges(), turnMs: SQLITE_TURN_MS, close };
}

async function openForManyProcesses(
  { role, workers }: Config,
  { url, listenUrl, poolSize }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  log: Log,
): Promise<Adapters> {
  const opened = await openPostgresStorage({ url, poolSize });
  const notices = new PostgresNotices({ url: listenUrl, log });
  const changes = new SharedJobChanges({ notices, storage: opened.storage });
  const close = async () => {
    await changes.stop();
    await notices.stop();
    await opened.close();
  };
  try {
    await notices.start();
    const rest = { supervise: role !== 'api', bell: new NoticesBell(notices), onError: turnFailed(log) };
    const queue = await PgBossQueue.open({ url, poolSize: QUEUE_CONNECTIONS, workers, log, ...rest });
    changes.start();
    return { storage: opened.storage, queue, changes, turnMs: POSTGRES_TURN_MS, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function turnFailed(log: Log): (error: unknown, jobId: string) => void {
  return (error, jobId) => log.error('turn.failed', { jobId, cause: String(error) });
}
