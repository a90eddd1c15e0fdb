import type { PlacedJobFilter } from './storage.ts';

/**
 * The conditions of a list of all jobs, the same in both dialects: only those that are asked for, so that each
 * list finds its own index. What `jobs` is called with differs.
 */
export function placedJobConditions({ siteId, type, before }: PlacedJobFilter): string {
  return [
    'status = :status AND created_at >= :from AND created_at < :to AND (accepted OR in_parts)',
    siteId === null ? '' : 'AND site_id = :siteId',
    type === null ? '' : 'AND type = :type',
    before === null ? '' : 'AND created_at <= :createdAt AND (created_at < :createdAt OR job_seq < :jobSeq)',
  ].join(' ');
}

export function placedJobValues({ status, siteId, type, from, to, before, limit }: PlacedJobFilter) {
  return {
    status,
    from,
    to,
    limit,
    ...(siteId !== null && { siteId }),
    ...(type !== null && { type }),
    ...before,
  };
}
