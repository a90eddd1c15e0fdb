import { type Attempt, type AuditEntry, attemptsOf } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import { SyncError } from '../domain/errors.ts';
import type { Job, JobStatus } from '../domain/job.ts';
import type {
  Actor,
  EndedStep,
  Place,
  PlacedJob,
  PlacedJobFilter,
  Sample,
  Site,
  Storage,
} from '../storage/storage.ts';
import type { RejectsService } from './rejectsService.ts';
import type { Removal, SiteService } from './siteService.ts';
import type { SyncJobService } from './syncJobService.ts';

/** Less than any proxy waits for an answer: whoever asked sends the same again while there is more. */
const LONGEST_REMOVAL_MS = 5_000;

/** As a list of the storage, of several states at once. */
export type JobsQuery = Omit<PlacedJobFilter, 'status'> & { statuses: readonly JobStatus[] };

export interface WholeJob extends PlacedJob {
  audit: AuditEntry[];
  attempts: Attempt[];
  samples: Sample[];
  /** Whether it could be tried again now. */
  retryable: boolean;
  /** Whether its rejected records alone could be. */
  rejectsRetryable: boolean;
}

interface OperatorServiceParts {
  storage: Storage;
  jobs: SyncJobService;
  rejects: RejectsService;
  sites: SiteService;
}

/** What the operator sees and does: the jobs of all sites, and the sites. */
export class OperatorService {
  readonly #storage: Storage;
  readonly #jobs: SyncJobService;
  readonly #rejects: RejectsService;
  readonly #sites: SiteService;

  constructor({ storage, jobs, rejects, sites }: OperatorServiceParts) {
    this.#storage = storage;
    this.#jobs = jobs;
    this.#rejects = rejects;
    this.#sites = sites;
  }

  /** Newest first; `next` is the place from which the next page goes on, or null on the last one. */
  async listJobs({
    statuses,
    limit,
    ...filter
  }: JobsQuery): Promise<{ jobs: PlacedJob[]; next: Place | null }> {
    // State by state, as each has its own index: so the time doesn't grow with the history.
    const lists = await Promise.all(
      statuses.map((status) => this.#storage.listPlacedJobs({ ...filter, status, limit: limit + 1 })),
    );
    const all = lists.flat().sort(byPlace);
    const jobs = all.slice(0, limit);
    return { jobs, next: all.length > limit ? (jobs.at(-1)?.place ?? null) : null };
  }

  async findJob(jobId: string): Promise<PlacedJob> {
    const [found] = await this.#storage.findPlacedJobs({ jobIds: [jobId] });
    if (found !== undefined) return found;
    throw new SyncError(
      'JOB_NOT_FOUND',
      'There is no job of this jobId: look for it in the list of all jobs.',
    );
  }

  async wholeJob(jobId: string): Promise<WholeJob> {
    const found = await this.findJob(jobId);
    const [audit, samples, kept, rejectsRetryable] = await Promise.all([
      this.#storage.listAudit({ jobId }),
      this.#storage.listSamples({ jobId }),
      this.#storage.hasRecords({ jobId }),
      this.#rejects.mayRetry(found.job),
    ]);
    const { status } = found.job;
    const attempts = attemptsOf(audit, found.job);
    return {
      ...found,
      audit,
      attempts,
      samples,
      retryable: kept && (status === 'failed' || status === 'cancelled'),
      rejectsRetryable,
    };
  }

  async cancel(jobId: string, actor: Actor): Promise<{ job: Job; cancelled: boolean }> {
    const { siteId } = (await this.findJob(jobId)).job;
    return this.#jobs.cancel({ siteId, jobId, actor });
  }

  async *rejects(jobId: string): AsyncGenerator<RejectedRecord> {
    const { siteId } = (await this.findJob(jobId)).job;
    yield* this.#jobs.rejects(siteId, jobId);
  }

  /** How much waits and runs, and whether there is a site at all. */
  async overview(): Promise<{ pending: number; running: number; hasSites: boolean }> {
    const [unfinished, sites] = await Promise.all([
      this.#storage.countUnfinished({}),
      this.#storage.searchSites({ search: '', after: '', limit: 1 }),
    ]);
    return { ...unfinished, hasSites: sites.length > 0 };
  }

  /** What ended in each step of `stepMs` from `from` until before `to`, also those without any. */
  async ended(span: {
    siteId: number | null;
    from: number;
    to: number;
    stepMs: number;
  }): Promise<EndedStep[]> {
    const found = new Map((await this.#storage.sumEnded(span)).map((step) => [step.at, step]));
    const none = { completed: 0, failed: 0, cancelled: 0, records: 0, rejected: 0 };
    return Array.from({ length: Math.ceil((span.to - span.from) / span.stepMs) }, (_, step) => {
      const at = span.from + step * span.stepMs;
      return found.get(at) ?? { at, ...none };
    });
  }

  /** By address; `next` is the `after` of the next page, or null on the last one. */
  async listSites(page: {
    search: string;
    after: string;
    limit: number;
  }): Promise<{ sites: Site[]; next: string | null }> {
    const found = await this.#storage.searchSites({ ...page, limit: page.limit + 1 });
    const sites = found.slice(0, page.limit);
    return { sites, next: found.length > sites.length ? (sites.at(-1)?.url ?? null) : null };
  }

  addSite(url: string): Promise<{ site: Site; key: string }> {
    return this.#sites.add(url);
  }

  async rotateKey(siteId: number): Promise<{ site: Site; key: string }> {
    return this.#sites.rotate((await this.#findSite(siteId)).url);
  }

  async revokeSite(siteId: number): Promise<Site> {
    return this.#sites.revoke((await this.#findSite(siteId)).url);
  }

  /** Deletes a site and all that is its own, when `url` says that it is the one that is meant. */
  async removeSite(siteId: number, { url, actor }: { url: string; actor: Actor }): Promise<Removal> {
    const site = await this.#findSite(siteId);
    if (url !== site.url) {
      throw new SyncError(
        'SITE_NOT_CONFIRMED',
        `This would delete ${site.url}: give exactly this address to confirm it.`,
      );
    }
    return this.#sites.remove(url, actor, { longestMs: LONGEST_REMOVAL_MS });
  }

  async #findSite(siteId: number): Promise<Site> {
    const site = await this.#storage.findSite({ siteId });
    if (site !== undefined) return site;
    throw new SyncError('SITE_NOT_FOUND', `There is no site ${siteId}: look for it in the list of sites.`);
  }
}

function byPlace({ place: one }: PlacedJob, { place: other }: PlacedJob): number {
  return other.createdAt - one.createdAt || other.jobSeq - one.jobSeq;
}
