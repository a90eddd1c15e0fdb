import type { Request, Response } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { SignedInSite, SiteService } from '../services/siteService.ts';
import type { TicketService } from '../services/ticketService.ts';
import { keyOf } from './signIn.ts';

export interface LiveAccessParts {
  sites: SiteService;
  tickets: TicketService;
  /** Whose pages may watch jobs, beside those of the site itself and of this server. */
  browserOrigins: string[];
}

/** Whoever watches by a ticket may watch one job only. */
export interface LiveAccess extends SignedInSite {
  onlyJobId: string | null;
}

/** Who may watch: by the key of a site, or by a ticket in the address; and from which pages. */
export async function liveAccess(
  request: Request,
  response: Response,
  { sites, tickets, browserOrigins }: LiveAccessParts,
): Promise<LiveAccess> {
  const { ticket } = request.query;
  const access =
    ticket === undefined
      ? { ...(await sites.signIn(keyOf(request))), onlyJobId: null }
      : await tickets.take(ticket).then(({ jobId, ...site }) => ({ ...site, onlyJobId: jobId }));
  requireOrigin(request, response, [access.siteUrl, ...browserOrigins]);
  return access;
}

export function requireTicketFor({ onlyJobId }: LiveAccess, jobId: string): void {
  if (onlyJobId === null || onlyJobId === jobId) return;
  throw new SyncError('TICKET_OTHER_JOB', 'The ticket is for another job: ask for one for this job.');
}

/**
 * Browsers say from which page a request comes. Programs don't, and may watch from anywhere: what protects a site is its
 * key. This keeps the pages of others from spending a ticket that they got hold of.
 */
function requireOrigin(request: Request, response: Response, allowed: string[]): void {
  response.vary('Origin');
  const origin = request.get('origin');
  if (origin === undefined) return;
  if (!isOwn(origin, request) && !allowed.some((address) => originOf(address) === origin)) {
    const message =
      'Pages of this origin may not watch jobs: name it in ARTLY_BROWSER_ORIGINS, or watch from the site itself.';
    throw new SyncError('ORIGIN_NOT_ALLOWED', message);
  }
  response.set('access-control-allow-origin', origin);
}

/** The server's own pages. Behind a proxy with TLS it does not know its scheme, so its host alone decides. */
function isOwn(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.get('host')?.toLowerCase();
}

/** A site is named by its address, which may have a path; `default` has none. */
function originOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).origin : undefined;
}
