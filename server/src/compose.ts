import { v7 as uuidv7 } from 'uuid';
import type { Config } from './config.ts';
import type { Log } from './domain/log.ts';
import { Intake } from './intake/intake.ts';
import { InProcessQueue } from './queue/inProcessQueue.ts';
import type { Queue } from './queue/queue.ts';
import { ArtlyService } from './services/artlyService.ts';
import { type Clock, systemClock } from './services/clock.ts';
import { IntakeService } from './services/intakeService.ts';
import { LocalJobChanges } from './services/jobChanges.ts';
import { PartsService } from './services/partsService.ts';
import { SiteService } from './services/siteService.ts';
import { StorageWatch } from './services/storageWatch.ts';
import { Sweep } from './services/sweep.ts';
import { SyncJobService } from './services/syncJobService.ts';
import { UploadDiscard } from './services/uploadDiscard.ts';
import { openSqliteStorage } from './storage/sqliteStorage.ts';
import type { Storage } from './storage/storage.ts';

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

/** On SQLite, one worker serves all: short turns, so that a small job waits little. */
const SQLITE_TURN_MS = 100;

/** The only place that picks adapters and constructs the parts. */
export async function compose(config: Config, log: Log, replacements: Replacements = {}): Promise<Parts> {
  const {
    clock = systemClock,
    wrapStorage = (storage) => storage,
    wrapQueue = (queue) => queue,
  } = replacements;
  const opened = openSqliteStorage({ path: config.databasePath });
  const storage = wrapStorage(opened.storage);
  const queue = wrapQueue(
    new InProcessQueue({
      onError: (error, jobId) => log.error('turn.failed', { jobId, cause: String(error) }),
    }),
  );
  const watch = new StorageWatch({ storage, log });
  const intakeThread = new Intake();
  const sites = new SiteService({ storage, clock });
  if (config.apiSecret !== undefined) await sites.allowEnvironmentKey(config.apiSecret);
  const jobs = new SyncJobService({
    storage,
    queue,
    changes: new LocalJobChanges(),
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
  const artly = new ArtlyService({ storage, jobs, intake, clock, watch, turnMs: SQLITE_TURN_MS });
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
    await opened.close();
  };
  return { storage, queue, sites, jobs, intake, inParts, artly, sweep, watch, close };
}
