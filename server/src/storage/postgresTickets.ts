import type { PostgresDatabase } from './postgresDatabase.ts';
import { ticketFromRow } from './rows.ts';
import type { NewTicket, TakenTicket } from './storage.ts';

/** Tickets on PostgreSQL: the methods of the port of the same names. */

export function addTicket(
  db: PostgresDatabase,
  { ticketHash, siteId, jobId, expiresAt }: NewTicket,
): Promise<void> {
  return db.transaction(async (tx) => {
    await tx.run(
      `INSERT INTO artly.tickets (ticket_hash, site_id, job_id, expires_at)
       VALUES (:ticketHash, :siteId, :jobId, :expiresAt)`,
      { ticketHash, siteId, jobId, expiresAt },
    );
  });
}

export function takeTicket(
  db: PostgresDatabase,
  { ticketHash, now }: { ticketHash: Uint8Array; now: number },
): Promise<TakenTicket | undefined> {
  return db.transaction(async (tx) => {
    // Who comes second waits for the first, and then finds no row.
    const row = await tx.get(
      `DELETE FROM artly.tickets AS t WHERE ticket_hash = :ticketHash AND expires_at > :now
       RETURNING site_id, job_id, (SELECT url FROM artly.sites AS s WHERE s.site_id = t.site_id) AS url`,
      { ticketHash, now },
    );
    return row && ticketFromRow(row);
  });
}

export function dropTickets(
  db: PostgresDatabase,
  { expiredBefore, limit }: { expiredBefore: number; limit: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const dropped = await tx.run(
      `WITH slice AS (
         SELECT ticket_hash FROM artly.tickets WHERE expires_at < :expiredBefore
         ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       DELETE FROM artly.tickets AS t USING slice WHERE t.ticket_hash = slice.ticket_hash`,
      { expiredBefore, limit },
    );
    return dropped === limit;
  });
}
