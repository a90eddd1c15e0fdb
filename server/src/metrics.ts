import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Counts, hasEnded, JOB_STATUSES, type Job } from './domain/job.ts';
import type { JobType } from './jobTypes/jobType.ts';
import { JOB_TYPES } from './jobTypes/jobTypes.ts';
import { PRODUCT } from './product.ts';
import type { HttpMetrics, MeasuredRequest } from './routes/requests.ts';
import {
  type JobMetrics,
  REASON_NOT_KEPT,
  type RejectCounts,
  type RetryCause,
} from './services/jobMetrics.ts';
import type { JobFigures } from './services/jobTallies.ts';

const BATCH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** A body of ten million records takes minutes. */
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120];

/** The ways in which a connection stays open to watch jobs. */
const LIVE_KINDS = ['events', 'socket', 'poll'] as const;
type LiveConnections = Readonly<Record<(typeof LIVE_KINDS)[number], number>>;

interface MetricsParts {
  /** What this process is: the labels of `artly_build_info`. */
  build: { role: string; database: string };
  /** Jobs of all processes, as the storage counts them; undefined while it can't. */
  readJobs: () => Promise<JobFigures | undefined>;
  /** Connections that this process has open to watch jobs. */
  readLive: () => LiveConnections;
}

/**
 * All that this process measures, in the words of Prometheus; docs/metrics.md lists it, and a test compares. A label
 * is one of a few known words: never a site, a member or a job.
 */
export class Metrics implements JobMetrics, HttpMetrics {
  readonly #registry = new Registry();
  readonly #parts: MetricsParts;

  readonly #jobs = this.#gauge('artly_jobs', 'Jobs of all sites by type and state.', ['type', 'status']);
  readonly #queueAge = this.#gauge(
    'artly_queue_age_seconds',
    'How long the oldest job that is due has waited for a worker; 0 where none is due.',
  );
  readonly #storageUp = this.#gauge(
    'artly_storage_up',
    '1 where the storage could count the jobs, else 0: then artly_jobs and artly_queue_age_seconds are missing.',
  );
  readonly #live = this.#gauge('artly_live_connections', 'Connections open to watch jobs.', ['kind']);
  readonly #build = this.#gauge('artly_build_info', 'Always 1: what runs here.', [
    'version',
    'node_version',
    'role',
    'database',
  ]);
  readonly #ended = this.#counter('artly_jobs_ended_total', 'Jobs that ended here.', ['type', 'outcome']);
  readonly #retries = this.#counter('artly_job_retries_total', 'Jobs that are to run again.', [
    'type',
    'cause',
  ]);
  readonly #settled = this.#counter('artly_records_settled_total', 'Records settled by this process.', [
    'type',
    'kind',
  ]);
  readonly #rejects = this.#counter(
    'artly_rejects_received_total',
    'Rejected records in bodies that this process received, by reason.',
    ['type', 'code'],
  );
  readonly #batches = this.#histogram(
    'artly_batch_duration_seconds',
    'Time to apply a batch and commit it with its progress.',
    { labelNames: ['type'], buckets: BATCH_SECONDS },
  );
  readonly #requests = this.#histogram(
    'artly_http_request_duration_seconds',
    'Time from the head of a request to the last byte of its answer.',
    { labelNames: ['route', 'method', 'status'], buckets: REQUEST_SECONDS },
  );

  constructor(parts: MetricsParts) {
    this.#parts = parts;
    this.#build.set({ version: PRODUCT.version, node_version: process.versions.node, ...parts.build }, 1);
    for (const type of JOB_TYPES) this.#beginAtZero(type);
  }

  /** What a scrape is answered with. */
  async read(): Promise<{ contentType: string; text: string }> {
    this.#showJobs(await this.#parts.readJobs());
    for (const [kind, open] of Object.entries(this.#parts.readLive())) this.#live.set({ kind }, open);
    const all = Registry.merge([this.#registry, processRegistry()]);
    return { contentType: all.contentType, text: await all.metrics() };
  }

  jobEnded({ type, status }: Job): void {
    this.#ended.inc({ type, outcome: status });
  }

  jobRetried({ type }: Job, cause: RetryCause): void {
    this.#retries.inc({ type, cause });
  }

  batchBegins(type: string): (settled: Counts) => void {
    const measured = this.#batches.startTimer({ type });
    return (settled) => {
      measured();
      for (const [kind, count] of Object.entries(settled)) this.#settled.inc({ type, kind }, count);
    };
  }

  recordsRejected(type: string, rejects: RejectCounts): void {
    for (const [code, count] of rejects) this.#rejects.inc({ type, code }, count);
  }

  requestDone({ seconds, ...labels }: MeasuredRequest): void {
    this.#requests.observe(labels, seconds);
  }

  #showJobs(figures: JobFigures | undefined): void {
    this.#storageUp.set(figures === undefined ? 0 : 1);
    this.#jobs.reset();
    this.#queueAge.remove();
    if (figures === undefined) return;
    for (const { name } of JOB_TYPES) {
      for (const status of JOB_STATUSES) this.#jobs.set({ type: name, status }, 0);
    }
    for (const { type, status, jobs } of figures.counts) this.#jobs.set({ type, status }, jobs);
    this.#queueAge.set(figures.queueAgeSeconds);
  }

  /** A counter that is not there before the first failure would hide it: what comes out of nothing is no increase. */
  #beginAtZero({ name: type, rejectCodes }: JobType): void {
    for (const outcome of JOB_STATUSES.filter(hasEnded)) this.#ended.inc({ type, outcome }, 0);
    for (const cause of ['asked', 'failure'] satisfies RetryCause[]) this.#retries.inc({ type, cause }, 0);
    for (const kind of ['inserted', 'updated', 'unchanged', 'rejected'] satisfies (keyof Counts)[]) {
      this.#settled.inc({ type, kind }, 0);
    }
    for (const code of [...rejectCodes, REASON_NOT_KEPT]) this.#rejects.inc({ type, code }, 0);
    this.#batches.zero({ type });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, shape: { labelNames: string[]; buckets: number[] }): Histogram {
    return new Histogram({ name, help, ...shape, registers: [this.#registry] });
  }
}

let ofProcess: Registry | undefined;

/** Memory, CPU, event loop: of the process, however many servers it has. Measured from the first question on. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
