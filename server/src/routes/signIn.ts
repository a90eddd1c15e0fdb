import type { Request, RequestHandler } from 'express';
import type { SignedInSite, SiteService } from '../services/siteService.ts';

const signedIn = new WeakMap<Request, SignedInSite>();

/** Lets a request pass that carries the key of a site. */
export function signIn(sites: SiteService): RequestHandler {
  return async (request, _response, next) => {
    signedIn.set(request, await sites.signIn(keyOf(request)));
    next();
  };
}

/** The site of a request that passed `signIn`. */
export function siteOf(request: Request): SignedInSite {
  const site = signedIn.get(request);
  if (site === undefined) throw new Error(`${request.path} is not behind the sign-in.`);
  return site;
}

/** Who did it, as the audit trail names them. */
export function actorOf(request: Request): { name: string; ip: string | null } {
  return { name: `site ${siteOf(request).siteUrl}`, ip: request.ip ?? null };
}

export function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.get('authorization') ?? '');
  return request.get('x-artly-secret') ?? bearer?.[1];
}
