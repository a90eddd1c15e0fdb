import type { AuditEntry } from '../domain/auditTrail.ts';
import type { RejectedRecord } from '../domain/batch.ts';
import type { AuditEvent, JobStatus } from '../domain/job.ts';
import type { Balance } from '../domain/pointsBalance.ts';
import { jobFromRow } from './jobRow.ts';
import type {
  EndedStep,
  JobTally,
  Part,
  PlacedJob,
  RejectedText,
  RepeatedRequest,
  Sample,
  Site,
  SiteKey,
  TakenTicket,
} from './storage.ts';

/** From rows to what the port gives, the same on every database; jobRow.ts does it for jobs. */

type Row = Record<string, unknown>;

export function siteFromRow(row: Row): Site {
  return {
    siteId: row.site_id as number,
    url: row.url as string,
    createdAt: row.created_at as number,
    revokedAt: row.revoked_at as number | null,
    lastSeenAt: row.last_seen_at as number | null,
  };
}

export function siteKeyFromRow(row: Row): SiteKey {
  return {
    siteId: row.site_id as number,
    siteUrl: row.url as string,
    keyHash: row.key_hash as Uint8Array,
  };
}

export function ticketFromRow(row: Row): TakenTicket {
  return { siteId: row.site_id as number, siteUrl: row.url as string, jobId: row.job_id as string };
}

export function repeatedFromRow(row: Row): RepeatedRequest {
  return { jobId: row.job_id as string, requestHash: row.request_hash as Uint8Array };
}

export function partFromRow(row: Row): Part {
  return {
    part: row.part as number,
    records: row.record_count as number,
    contentHash: row.content_hash as Uint8Array,
  };
}

export function rejectFromRow(row: Row): RejectedRecord {
  return {
    index: row.record_index as number,
    wpUserId: row.wp_user_id as number | null,
    code: row.code as string,
    message: row.message as string,
  };
}

export function rejectedTextFromRow(row: Row): RejectedText {
  return { index: row.record_index as number, record: row.record as string };
}

export function auditFromRow(row: Row): AuditEntry {
  return {
    at: row.at as number,
    event: row.event as AuditEvent,
    actor: row.actor as string,
    ip: row.ip as string | null,
    attempt: row.attempt as number,
    detail: row.detail as string | null,
    inserted: row.inserted as number,
    updated: row.updated as number,
    unchanged: row.unchanged as number,
    rejected: row.rejected as number,
  };
}

export function placedJobFromRow(row: Row): PlacedJob {
  const { jobSeq, createdAt, ...job } = jobFromRow(row);
  return {
    job: { ...job, createdAt },
    siteUrl: row.site_url as string,
    place: { createdAt, jobSeq },
  };
}

export function sampleFromRow(row: Row): Sample {
  return { attempt: row.attempt as number, at: row.at as number, processed: row.processed as number };
}

export function endedStepFromRow(row: Row): EndedStep {
  return {
    at: row.at as number,
    completed: row.completed as number,
    failed: row.failed as number,
    cancelled: row.cancelled as number,
    records: row.records as number,
    rejected: row.rejected as number,
  };
}

/** The balance comes as text: as a number, one beyond 2^53 would lose its last digits. */
export function balanceFromRow(row: Row): Balance {
  return {
    wpUserId: row.wp_user_id as number,
    email: row.email as string,
    pointsType: row.points_type as string,
    tenThousandths: BigInt(row.balance as string),
  };
}

export function tallyFromRows(counts: Row[], oldest: Row | undefined): JobTally {
  return {
    counts: counts.map((row) => ({
      type: row.type as string,
      status: row.status as JobStatus,
      jobs: row.jobs as number,
    })),
    oldestDueAt: (oldest?.due_at ?? null) as number | null,
  };
}
