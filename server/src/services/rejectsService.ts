import { SyncError } from '../domain/errors.ts';
import { hasEnded, type Job } from '../domain/job.ts';
import type { Actor, RejectedText, Storage } from '../storage/storage.ts';
import type { IntakeService } from './intakeService.ts';
import type { SyncJobService } from './syncJobService.ts';

const PAGE = 1_000;
const MERGE = { mode: 'merge', confirmRemoval: false, ranges: null } as const;

export interface RejectsRetry {
  siteId: number;
  jobId: string;
  actor: Actor;
  /** Records to take in place of what was sent, by their index in the job. */
  mended: ReadonlyMap<number, unknown>;
}

/**
 * Tries the rejected records of a job again, after their cause was mended: in the rules of the server, or in the records
 * themselves. A job that has ended stays as it is, so they become a job of their own; its place in the order is that
 * of the first one, so that it brings no old values back.
 */
export class RejectsService {
  readonly #storage: Storage;
  readonly #jobs: SyncJobService;
  readonly #intake: IntakeService;

  constructor({ storage, jobs, intake }: { storage: Storage; jobs: SyncJobService; intake: IntakeService }) {
    this.#storage = storage;
    this.#jobs = jobs;
    this.#intake = intake;
  }

  /** Whether a retry would find records to try. */
  async mayRetry({ jobId, status, rejected }: Job): Promise<boolean> {
    if (!hasEnded(status) || rejected === 0) return false;
    return (await this.#storage.listRejectedTexts({ jobId, afterIndex: -1, limit: 1 })).length > 0;
  }

  /** The new job, how many records it has, and how many the first one had rejected. */
  async retry({ siteId, jobId, actor, mended }: RejectsRetry) {
    const job = await this.#jobs.find(siteId, jobId);
    checkRetry(job);
    const texts = await this.#texts(job);
    checkMended(mended, texts);
    const received = await this.#intake.receive({
      siteId,
      type: job.type,
      body: linesOf(texts, mended),
      format: { ndjson: true, gzip: false },
      actor,
      idempotencyKey: null,
      plan: MERGE,
      rejectsOf: jobId,
    });
    return { jobId: received.jobId, records: texts.length, rejected: job.rejected };
  }

  /** As many as are kept: at most as many as the job keeps reasons of, and none is long. */
  async #texts(job: Job): Promise<RejectedText[]> {
    const { jobId } = job;
    const texts: RejectedText[] = [];
    let page: RejectedText[];
    do {
      const afterIndex = texts.at(-1)?.index ?? -1;
      page = await this.#storage.listRejectedTexts({ jobId, afterIndex, limit: PAGE });
      texts.push(...page);
    } while (page.length === PAGE);
    if (texts.length > 0) return texts;
    const message = 'The rejected records of this job are no longer kept: send them in a new job.';
    throw new SyncError('RECORDS_DROPPED', message);
  }
}

function checkRetry({ status, rejected }: Job): void {
  if (!hasEnded(status)) {
    const message = `The job is ${status}: its rejected records can be tried again when it has ended.`;
    throw new SyncError('JOB_NOT_RETRYABLE', message);
  }
  if (rejected === 0) {
    throw new SyncError('NO_REJECTS', 'The job has rejected no record: there is nothing to try again.');
  }
}

function checkMended(mended: RejectsRetry['mended'], texts: RejectedText[]): void {
  const kept = new Set(texts.map(({ index }) => index));
  for (const index of mended.keys()) {
    if (kept.has(index)) continue;
    const message = `records has the index ${index}, which is that of no rejected record that is still kept: see the rejects of the job.`;
    throw new SyncError('INVALID_PARAMETER', message);
  }
}

async function* linesOf(texts: RejectedText[], mended: RejectsRetry['mended']): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < texts.length; from += PAGE) {
    const lines = texts.slice(from, from + PAGE).map(({ index, record }) => {
      return mended.has(index) ? JSON.stringify(mended.get(index)) : record;
    });
    yield Buffer.from(`${lines.join('\n')}\n`);
  }
}
