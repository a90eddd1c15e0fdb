import { ticketFromRow } from './rows.ts';
import type { SqliteDatabase } from './sqliteDatabase.ts';
import type { NewTicket, TakenTicket } from './storage.ts';

/** Tickets on SQLite: the methods of the port of the same names. */

export function addTicket(db: SqliteDatabase, { ticketHash, siteId, jobId, expiresAt }: NewTicket): void {
  db.run(
    `INSERT INTO tickets (ticket_hash, site_id, job_id, expires_at)
     VALUES (:ticketHash, :siteId, :jobId, :expiresAt)`,
    { ticketHash, siteId, jobId, expiresAt },
  );
}

export function takeTicket(
  db: SqliteDatabase,
  { ticketHash, now }: { ticketHash: Uint8Array; now: number },
): TakenTicket | undefined {
  const row = db.get(
    `DELETE FROM tickets WHERE ticket_hash = :ticketHash AND expires_at > :now
     RETURNING site_id, job_id, (SELECT url FROM sites AS s WHERE s.site_id = tickets.site_id) AS url`,
    { ticketHash, now },
  );
  return row && ticketFromRow(row);
}

export function dropTickets(
  db: SqliteDatabase,
  { expiredBefore, limit }: { expiredBefore: number; limit: number },
): boolean {
  const dropped = db.run(
    `DELETE FROM tickets WHERE ticket_hash IN
       (SELECT ticket_hash FROM tickets WHERE expires_at < :expiredBefore ORDER BY expires_at LIMIT :limit)`,
    { expiredBefore, limit },
  );
  return dropped === limit;
}
