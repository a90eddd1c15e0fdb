import { v7 as uuidv7 } from 'uuid';
import type { Config, CopyAddresses, DatabaseConfig } from './config.ts';
import type { Log } from './domain/log.ts';
import { Intake } from './intake/intake.ts';
import { Metrics } from './metrics.ts';
import type { Notices } from './notices/notices.ts';
import { NoticesBell } from './notices/noticesBell.ts';
import { PostgresNotices } from './notices/postgresNotices.ts';
import { InProcessQueue } from './queue/inProcessQueue.ts';
import { PgBossQueue } from './queue/pgBossQueue.ts';
import type { Queue } from './queue/queue.ts';
import { ArtlyService } from './services/artlyService.ts';
import { type Clock, systemClock } from './services/clock.ts';
import { IntakeService } from './services/intakeService.ts';
import { type JobChanges, LocalJobChanges } from './services/jobChanges.ts';
import { JobTallies } from './services/jobTallies.ts';
import { OperatorFeed } from './services/operatorFeed.ts';
import { OperatorService } from './services/operatorService.ts';
import { OperatorSignIn } from './services/operatorSignIn.ts';
import { PartsService } from './services/partsService.ts';
import { RejectsService } from './services/rejectsService.ts';
import { SharedJobChanges } from './services/sharedJobChanges.ts';
import { SiteService } from './services/siteService.ts';
import { StorageWatch } from './services/storageWatch.ts';
import { Sweep } from './services/sweep.ts';
import { SyncJobService } from './services/syncJobService.ts';
import { TicketService } from './services/ticketService.ts';
import { UploadDiscard } from './services/uploadDiscard.ts';
import { Watchers } from './services/watchers.ts';
import { asCopyError, type Comparison, type CopyStep, copyAll } from './storage/databaseCopy.ts';
import { PostgresCopyTarget } from './storage/postgresCopyTarget.ts';
import { openPostgresStorage } from './storage/postgresStorage.ts';
import { SqliteCopySource } from './storage/sqliteCopySource.ts';
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
  rejects: RejectsService;
  artly: ArtlyService;
  tickets: TicketService;
  watchers: Watchers;
  sweep: Sweep;
  watch: StorageWatch;
  metrics: Metrics;
  operator: OperatorService;
  operatorFeed: OperatorFeed;
  operatorSignIn: OperatorSignIn;
  close(): Promise<void>;
}

/** What tests put around or in place of a part. */
export interface Replacements {
  clock?: Clock;
  wrapStorage?: (storage: Storage) => Storage;
  wrapQueue?: (queue: Queue) => Queue;
  wrapNotices?: (notices: Notices) => Notices;
  /** How often a live connection gets a sign of life. */
  heartbeatMs?: number;
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
const POSTGRES_TURN_MS = 200;
/** Statements of the queue are few and short. */
const QUEUE_CONNECTIONS = 2;
/** For a visit of the command line. */
const VISIT_CONNECTIONS = 2;

/** The only place that picks adapters and constructs the parts. */
export async function compose(config: Config, log: Log, replacements: Replacements = {}): Promise<Parts> {
  const { clock = systemClock, wrapStorage = (storage) => storage } = replacements;
  const { wrapQueue = (queue) => queue, heartbeatMs } = replacements;
  const adapters = await openAdapters(config, log, replacements);
  const storage = wrapStorage(adapters.storage);
  const queue = wrapQueue(adapters.queue);
  const watch = new StorageWatch({ storage, log });
  const watchers = new Watchers({
    maxPerSite: config.maxWatchers,
    ...(heartbeatMs !== undefined && { heartbeatMs }),
  });
  const tallies = new JobTallies({ storage, clock });
  const metrics = new Metrics({
    build: { role: config.role, database: config.database.kind },
    readJobs: () => tallies.read(),
    readLive: () => watchers.open,
  });
  const intakeThread = new Intake();
  const sites = new SiteService({ storage, clock });
  if (config.apiSecret !== undefined) await sites.allowEnvironmentKey(config.apiSecret);
  const jobs = new SyncJobService({
    storage,
    queue,
    changes: adapters.changes,
    clock,
    log,
    metrics,
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
    metrics,
    limits: { maxRecords, maxBodyBytes, maxRejects },
    newJobId: uuidv7,
  };
  const intake = new IntakeService(receiving);
  const inParts = new PartsService(receiving);
  const rejects = new RejectsService({ storage, jobs, intake });
  const artly = new ArtlyService({ storage, jobs, intake, clock, watch, turnMs: adapters.turnMs });
  const tickets = new TicketService({ storage, clock });
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
  const operator = new OperatorService({ storage, jobs, rejects, sites });
  const operatorFeed = new OperatorFeed({ storage, changes: adapters.changes });
  const operatorSignIn = new OperatorSignIn({ token: config.adminToken, clock, log });
  const close = async () => {
    await intakeThread.close();
    await adapters.close();
  };
  const forOperator = { operator, operatorFeed, operatorSignIn };
  const receivers = { intake, inParts, rejects };
  return {
    storage,
    queue,
    sites,
    jobs,
    ...receivers,
    artly,
    tickets,
    watchers,
    sweep,
    watch,
    metrics,
    ...forOperator,
    close,
  };
}

/** Storage for a short visit beside running servers, as the command line makes it. */
export async function visitStorage({ database }: Config): Promise<OpenStorage> {
  if (database.kind === 'sqlite') return visitSqliteStorage(database);
  return openPostgresStorage({ url: database.url, poolSize: VISIT_CONNECTIONS });
}

/** Copies all that is kept in a SQLite file into a PostgreSQL database that is empty or holds a part of that copy. */
export async function copyDatabase(
  { path, url }: CopyAddresses,
  watch: { signal: AbortSignal; onStep: (step: CopyStep) => void },
): Promise<Comparison[] | undefined> {
  try {
    const source = SqliteCopySource.open({ path });
    try {
      const target = await PostgresCopyTarget.open({ url });
      return await copyAll({ source, target, ...watch }).finally(() => target.close());
    } finally {
      source.close();
    }
  } catch (error) {
    throw asCopyError(error);
  }
}

function openAdapters(config: Config, log: Log, { wrapNotices }: Replacements): Promise<Adapters> {
  const { database, role, workers } = config;
  if (database.kind === 'sqlite') return openForOneProcess(database.path, log);
  return openForManyProcesses({ database, role, workers, wrapNotices }, log);
}

async function openForOneProcess(path: string, log: Log): Promise<Adapters> {
  const { storage, close } = openSqliteStorage({ path });
  const queue = new InProcessQueue({ onError: turnFailed(log) });
  return { storage, queue, changes: new LocalJobChanges(), turnMs: SQLITE_TURN_MS, close };
}

type ManyProcesses = Pick<Config, 'role' | 'workers'> & {
  database: Extract<DatabaseConfig, { kind: 'postgres' }>;
  wrapNotices: Replacements['wrapNotices'];
};

async function openForManyProcesses(
  { database, role, workers, wrapNotices = (notices) => notices }: ManyProcesses,
  log: Log,
): Promise<Adapters> {
  const { url, listenUrl, poolSize } = database;
  const opened = await openPostgresStorage({ url, poolSize });
  const connection = new PostgresNotices({ url: listenUrl, log });
  const notices = wrapNotices(connection);
  const changes = new SharedJobChanges({ notices, storage: opened.storage });
  const close = async () => {
    await changes.stop();
    await connection.stop();
    await opened.close();
  };
  try {
    await connection.start();
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
