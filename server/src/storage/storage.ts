import type { AuditEntry } from '../domain/auditTrail.ts';
import type { Batch, RejectedRecord } from '../domain/batch.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { IdRange } from '../domain/idRange.ts';
import type { Job, JobPlan, JobStatus } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';

/** A site that may send jobs. Times here and below are milliseconds since 1970, UTC. */
export interface Site {
  siteId: number;
  url: string;
  createdAt: number;
  revokedAt: number | null;
  lastSeenAt: number | null;
}

/** What is kept of a key: enough to check one, too little to make one. */
export interface SiteKey {
  siteId: number;
  siteUrl: string;
  keyHash: Uint8Array;
}

/** What is kept of a ticket, by which a browser may watch one job, once, until `expiresAt`. */
export interface NewTicket {
  ticketHash: Uint8Array;
  siteId: number;
  jobId: string;
  expiresAt: number;
}

export interface TakenTicket {
  siteId: number;
  siteUrl: string;
  jobId: string;
}

/** Who did something to a job: a site by its key, the worker, … and the address it came from, where there is one. */
export interface Actor {
  name: string;
  ip: string | null;
}

export interface NewUpload extends Partial<JobPlan> {
  jobId: string;
  siteId: number;
  type: string;
  /** The job whose rejected records these are: the new one has its place in the order, and both trails tell of it. */
  rejectsOf?: string | null;
  now: number;
}

/** A job whose records come in parts. */
export interface NewPartsJob extends NewUpload {
  /** Records that it will have, where the sender has said so. */
  expectedTotal: number | null;
  actor: Actor;
}

/** One part of the records of a job. */
export interface Part {
  /** Its number, from 0. */
  part: number;
  records: number;
  contentHash: Uint8Array;
}

/** A part that stands now, and whether it was added just then. */
export interface AcceptedPart {
  job: Job;
  part: Part;
  added: boolean;
}

/** A request that the sender may repeat, by its own key; the hash tells whether it is the same request. */
export interface IdempotentRequest {
  idempotencyKey: string;
  requestHash: Uint8Array;
}

export interface RepeatedRequest {
  jobId: string;
  requestHash: Uint8Array;
}

/** A rejected record as it was sent, with its index in its job. */
export interface RejectedText {
  index: number;
  /** JSON. */
  record: string;
}

/** The right to work on a job: every write of a worker names it, and is refused once it has passed to another. */
export interface Claim {
  jobId: string;
  attempt: number;
}

/**
 * The first port: everything that is kept. Each method is one transaction and takes one plain object.
 *
 * All adapters keep these promises, and `syncStorageContract` proves them:
 * - a method that resolved is durable; one that rejected changed nothing, but where the connection broke during the
 *   commit: then all of it is done, or nothing;
 * - a write that may lose a race gives `undefined` when it lost, and then changed nothing;
 * - every change of a job raises its `version` and follows `JOB_MOVES`; every move stands in the audit trail;
 * - a `SyncError` says what is wrong with the storage itself; `passing` ones may be gone on the next try.
 */
export interface Storage {
  // Sites and their keys
  addSite(site: { url: string; key: NewKey; now: number }): Promise<Site>;
  /** The site of this address, made if there is none; it has no key of its own. */
  ensureSite(site: { url: string; now: number }): Promise<Site>;
  /** Replaces all keys of a site by a new one, and ends its tickets; also brings a revoked site back. */
  rotateKey(site: { url: string; key: NewKey; now: number }): Promise<Site | undefined>;
  /** Ends all keys and tickets of a site. */
  revokeSite(site: { url: string; now: number }): Promise<Site | undefined>;
  listSites(none: Record<string, never>): Promise<Site[]>;
  /** Deletes the next of what a site has; in the end the site itself, and then there is no more. */
  dropSite(slice: { siteId: number; limit: number }): Promise<{ dropped: DroppedOfSite; more: boolean }>;
  findKey(key: { keyId: string }): Promise<SiteKey | undefined>;
  /** Notes that a site was there; at most once a minute is enough. */
  noteSeen(site: { siteId: number; now: number }): Promise<void>;

  // Tickets
  addTicket(ticket: NewTicket): Promise<void>;
  /** Uses the ticket up. `undefined` when there is none, when it was used before, or when it is too old. */
  takeTicket(ticket: { ticketHash: Uint8Array; now: number }): Promise<TakenTicket | undefined>;

  // Receiving a job
  /** Gives the job its place in the order. Nobody sees it until it is accepted. */
  openUpload(job: NewUpload): Promise<void>;
  /** Keeps further batches of an open upload, numbered on from those it has. */
  stage(upload: { jobId: string; batches: Batch[]; now: number }): Promise<void>;
  /** Keeps the last batches and makes the upload a pending job. */
  accept(upload: { jobId: string; batches: Batch[]; actor: Actor; now: number }): Promise<Job>;
  /**
   * The same for a request that may be repeated: `undefined` when an earlier one with this key, not created before
   * `keptSince`, was first.
   */
  acceptOnce(
    upload: { jobId: string; batches: Batch[]; actor: Actor; now: number } & IdempotentRequest & {
        keptSince: number;
      },
  ): Promise<Job | undefined>;
  /** The job that a request with this key made. */
  findRepeated(request: { siteId: number; idempotencyKey: string }): Promise<RepeatedRequest | undefined>;
  /** Ends an open upload: it takes no more records and is never seen; what was kept of it is dropped as that of old jobs. */
  discardUpload(upload: { jobId: string }): Promise<void>;

  // Receiving a job in parts
  /**
   * Makes a job that everybody sees and nobody works on until its commit. `undefined` when an earlier request with
   * this key, not created before `keptSince`, was first.
   */
  openParts(
    job: NewPartsJob & { request: (IdempotentRequest & { keptSince: number }) | null },
  ): Promise<Job | undefined>;
  /**
   * Adds a part: the batches staged in the upload `uploadId`, where there is one, which ends with that; and then
   * `batches`. The indexes of their rejects count within the part. A part that is there already stays, and is what
   * is given: `added` tells. `undefined` when the job takes no more parts.
   */
  acceptPart(
    part: Part & { jobId: string; uploadId: string | null; batches: Batch[]; now: number },
  ): Promise<AcceptedPart | undefined>;
  /** Lets the job be worked on, if its parts are the first `parts` ones, have `records` records, and it still waits. */
  commitParts(job: {
    jobId: string;
    parts: number;
    records: number;
    actor: Actor;
    now: number;
  }): Promise<Job | undefined>;
  /** The parts that are there, by number. */
  listParts(job: { jobId: string }): Promise<Part[]>;
  /** Fails jobs that have waited for a part or their commit since before `untouchedSince`; at most `limit`. */
  abandonParts(slice: { untouchedSince: number; limit: number; now: number }): Promise<Job[]>;

  // The life of a job
  /**
   * Gives `owner` the right to work on the job for `leaseMs`, when the job is pending, due, and the first in
   * line of its site and type; when `owner` has it already, also after its lease, if nobody took it meanwhile; or when
   * the lease of another ran out. In the first and the last case a new attempt begins.
   */
  claim(job: { jobId: string; owner: string; leaseMs: number; now: number }): Promise<Job | undefined>;
  /**
   * Applies the next batches of the claimed job and their progress: all that fit into one move (`moveSizeFor`), or of a
   * move that is made in several transactions, the first of them. Each transaction is a version of the job.
   * `undefined` when the claim has passed, the job has ended, or all its batches are applied.
   */
  applyNext(claim: Claim & { leaseMs: number; now: number }): Promise<Job | undefined>;
  /**
   * Removes the next `limit` balances that a claimed snapshot, all of whose batches are applied, did not carry.
   * Those of members whose record was rejected stay.
   */
  removeMissing(claim: Claim & { limit: number; leaseMs: number; now: number }): Promise<JobStep | undefined>;
  /** How many balances `removeMissing` would remove, of how many that the site has. */
  countMissing(claim: Claim): Promise<{ missing: number; standing: number }>;
  /** Ends a claimed job all of whose batches are applied. */
  complete(claim: Claim & { now: number }): Promise<Job | undefined>;
  /**
   * Lets a claimed job rest for `delayMs` after a failure that may pass, and counts the failure, unless `counted`
   * is false: then the storage as a whole is away, which is no failure of the job.
   */
  postpone(
    claim: Claim & { delayMs: number; reason: string; counted?: boolean; now: number },
  ): Promise<Job | undefined>;
  fail(claim: Claim & { code: ErrorCode; message: string; now: number }): Promise<Job | undefined>;
  /** Hands a claimed job back, untouched, for the next process to go on with at once. */
  release(claim: Claim): Promise<void>;
  cancel(job: { siteId: number; jobId: string; actor: Actor; now: number }): Promise<Job | undefined>;
  /** Makes a failed or cancelled job pending again from its first record. Its records must still be kept. */
  retry(job: { siteId: number; jobId: string; actor: Actor; now: number }): Promise<Job | undefined>;

  // Looking
  findJob(job: { siteId: number; jobId: string }): Promise<Job | undefined>;
  /** Whether the records of the job are still kept. */
  hasRecords(job: { jobId: string }): Promise<boolean>;
  /** Newest first, from before `cursor` on (the `jobId` of the last one seen). */
  listJobs(filter: JobFilter): Promise<Job[]>;
  /** Jobs that wait for a worker now: due and first in line, or left by a worker whose lease ran out; oldest first. */
  listDue(filter: { now: number; limit: number }): Promise<string[]>;
  /** The job that is next in line of a site and type, when it is due. */
  findNext(line: { siteId: number; type: string; now: number }): Promise<string | undefined>;
  /** How many jobs of all sites there are by type and state, and since when the oldest due one waits for a worker. */
  tallyJobs(at: { now: number }): Promise<JobTally>;
  /** Rejected records of batches that are settled, by index, after `afterIndex`. */
  listRejects(page: { jobId: string; afterIndex: number; limit: number }): Promise<RejectedRecord[]>;
  /** Those of them that are still kept as they were sent, by index, after `afterIndex`. */
  listRejectedTexts(page: { jobId: string; afterIndex: number; limit: number }): Promise<RejectedText[]>;
  listAudit(job: { jobId: string }): Promise<AuditEntry[]>;
  /** By member, then type of points, after the member `afterUserId`. */
  listBalances(page: {
    siteId: number;
    pointsType: string | null;
    afterUserId: number;
    limit: number;
  }): Promise<Balance[]>;
  findBalances(member: { siteId: number; wpUserId: number }): Promise<Balance[]>;
  /** What jobs of a type with a table brought, as the `list` of that table gives it. */
  listRecords(page: RecordPage & { type: string }): Promise<ListedRecord[]>;
  /**
   * The sums of the checksums of what stands in `ranges` (merged), cut at the multiples of `size`: the first `limit`
   * parts that are not empty, by id. What lies behind the `to` of the last one was not looked at.
   */
  sumChecksums(part: {
    siteId: number;
    pointsType: string | null;
    ranges: IdRange[];
    size: number;
    limit: number;
  }): Promise<ChecksumSum[]>;

  // For the operator, over all sites
  /** Jobs in one state, newest first, from before `before` on. */
  listPlacedJobs(filter: PlacedJobFilter): Promise<PlacedJob[]>;
  /** Those of these jobs that are there, in no order. */
  findPlacedJobs(jobs: { jobIds: string[] }): Promise<PlacedJob[]>;
  /** How far the job had come, and when: attempt by attempt, in their order, about one a percent. */
  listSamples(job: { jobId: string }): Promise<Sample[]>;
  /** What ended from `from` until before `to`, by steps of `stepMs` from `from` on; steps without any are left out. */
  sumEnded(span: { siteId: number | null; from: number; to: number; stepMs: number }): Promise<EndedStep[]>;
  countUnfinished(none: Record<string, never>): Promise<{ pending: number; running: number }>;
  /** Sites whose address has `search` in it, by address, after `after`. */
  searchSites(page: { search: string; after: string; limit: number }): Promise<Site[]>;
  findSite(site: { siteId: number }): Promise<Site | undefined>;

  // Keeping house; each call does a bounded slice and says whether there may be more
  dropRecords(slice: { endedBefore: number; limit: number }): Promise<boolean>;
  dropJobs(slice: { endedBefore: number; limit: number }): Promise<boolean>;
  /** Uploads that nobody sees and that took no batch since `untouchedSince`: whoever was receiving them is gone. */
  dropStaleUploads(slice: { untouchedSince: number; limit: number }): Promise<boolean>;
  dropTickets(slice: { expiredBefore: number; limit: number }): Promise<boolean>;
  dropIdempotencyKeys(slice: { createdBefore: number; limit: number }): Promise<boolean>;
  /** Rejects, soon, unless the storage answers, takes a write, and has room for more. */
  check(none: Record<string, never>): Promise<void>;
}

/** Jobs of all sites, as those see them who watch over the server. */
export interface JobTally {
  /** What has no job is left out. */
  counts: { type: string; status: JobStatus; jobs: number }[];
  /** Since when the oldest due job has not moved; null where none is due. */
  oldestDueAt: number | null;
}

/** A page of records behind the one at `after`. Where the list of their type is that of a member, `wpUserId` says of whom. */
export interface RecordPage {
  siteId: number;
  wpUserId: number | null;
  after: number;
  limit: number;
}

/** A record by the names of its columns. */
export type ListedRecord = Record<string, unknown> & { position: number };

/** A job among those of all sites: with the address of its site and its place among them. */
export interface PlacedJob {
  job: Job;
  siteUrl: string;
  place: Place;
}

/** Where a job stands in a list of all jobs, which goes by the time of creation; `jobSeq` tells equal times apart. */
export interface Place {
  createdAt: number;
  jobSeq: number;
}

export interface PlacedJobFilter {
  status: JobStatus;
  siteId: number | null;
  type: string | null;
  /** Created from `from` until before `to`. */
  from: number;
  to: number;
  before: Place | null;
  limit: number;
}

/** At `at`, `processed` records of the job were settled. */
export interface Sample {
  attempt: number;
  at: number;
  processed: number;
}

/** Jobs that ended in one step of time, and the records that they had settled. */
export interface EndedStep {
  at: number;
  completed: number;
  failed: number;
  cancelled: number;
  records: number;
  rejected: number;
}

/** Balances of one part of a site: how many there are, and the exact sum of their checksums. */
export interface ChecksumSum {
  /** The multiple of the size that the part belongs to, and the last id of the part. */
  from: number;
  to: number;
  count: number;
  sum: number;
}

/** How much of a site was deleted. */
export interface DroppedOfSite {
  jobs: number;
  balances: number;
  /** Of the other types of jobs: events and users. */
  records: number;
}

/** What one step of a job did, and whether there is more to do. */
export interface JobStep {
  job: Job;
  more: boolean;
}

/** Storage that was opened here and must be closed here. */
export interface OpenStorage {
  storage: Storage;
  close(): Promise<void>;
}

export interface NewKey {
  keyId: string;
  keyHash: Uint8Array;
}

export interface JobFilter {
  siteId: number;
  type: string | null;
  status: JobStatus | null;
  cursor: string | null;
  limit: number;
}
