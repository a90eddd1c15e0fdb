import { createHash, randomBytes } from 'node:crypto';
import { SyncError } from '../domain/errors.ts';
import type { Storage, TakenTicket } from '../storage/storage.ts';
import type { Clock } from './clock.ts';

const TICKET_MS = 60_000;
const TICKET = /^[A-Za-z0-9_-]{43}$/;

/** Tickets: what a browser gets in place of the key, to watch one job, once, within a minute. */
export class TicketService {
  readonly #storage: Storage;
  readonly #clock: Clock;

  constructor({ storage, clock }: { storage: Storage; clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** A new ticket, which is kept only as a hash. */
  async make({ siteId, jobId }: { siteId: number; jobId: string }): Promise<{
    ticket: string;
    expiresAt: number;
  }> {
    const ticket = randomBytes(32).toString('base64url');
    const expiresAt = this.#clock.now() + TICKET_MS;
    await this.#storage.addTicket({ ticketHash: hashOf(ticket), siteId, jobId, expiresAt });
    return { ticket, expiresAt };
  }

  /** What the ticket lets its bearer watch. It is used up by this, whatever becomes of the rest. */
  async take(ticket: unknown): Promise<TakenTicket> {
    const known = typeof ticket === 'string' && TICKET.test(ticket);
    const taken = known ? await this.#storage.takeTicket(this.#question(ticket)) : undefined;
    if (taken !== undefined) return taken;
    throw new SyncError(
      'TICKET_INVALID',
      'The ticket was used before, is older than a minute, or is none: ask for a new one.',
    );
  }

  #question(ticket: string): { ticketHash: Uint8Array; now: number } {
    return { ticketHash: hashOf(ticket), now: this.#clock.now() };
  }
}

/** A ticket has 256 random bits, so a fast hash is safe, and nothing can be learned from the time a search takes. */
function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
