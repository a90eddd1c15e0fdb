import type { Request, RequestHandler, Response } from 'express';
import { SyncError } from '../domain/errors.ts';
import type { OperatorSignIn, Session } from '../services/operatorSignIn.ts';
import { requireJson } from './requestBody.ts';

/** The browser gives it back to this server alone, and to no script. */
const COOKIE = 'artly_operator';
const COOKIE_PATH = '/operator';

/**
 * Lets a request pass that carries the token, as a script sends it, or the cookie of a session, as the dashboard does.
 * A browser adds its cookie to whatever a page asks for: so with one, a change has to come from the dashboard itself.
 */
export function operatorOnly(signIn: OperatorSignIn): RequestHandler {
  return (request, _response, next) => {
    signIn.requireOn();
    const token = bearerOf(request);
    if (token !== undefined) {
      signIn.checkToken(token, addressOf(request));
    } else {
      requireSession(signIn, request);
      if (request.method !== 'GET' && request.method !== 'HEAD') requireOwnPage(request);
    }
    next();
  };
}

function requireSession(signIn: OperatorSignIn, request: Request): Session {
  const session = sessionOf(signIn, request);
  if (session !== undefined) return session;
  throw new SyncError(
    'NOT_SIGNED_IN',
    'Sign in first: in the dashboard, or with the header Authorization: Bearer and the value of ARTLY_ADMIN_TOKEN.',
  );
}

export function sessionOf(signIn: OperatorSignIn, request: Request): Session | undefined {
  const value = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]*)`).exec(request.get('cookie') ?? '')?.[1];
  return value === undefined ? undefined : signIn.session(value);
}

/** No form of another page can send JSON, and a script of another page says where it comes from. */
export function requireOwnPage(request: Request): void {
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const own = site === undefined ? origin === undefined || isHost(origin, request) : site === 'same-origin';
  if (!own) {
    throw new SyncError('CROSS_SITE', 'Another page sent this: do it in the dashboard itself.');
  }
  if (request.method !== 'DELETE') requireJson(request);
}

export function setSessionCookie(request: Request, response: Response, session: Session | null): void {
  const options = {
    httpOnly: true,
    sameSite: 'strict',
    path: COOKIE_PATH,
    // A proxy with TLS in front says so; who says so without one only locks himself out.
    secure: request.secure || /^https\b/i.test(request.get('x-forwarded-proto') ?? ''),
  } as const;
  if (session === null) response.clearCookie(COOKIE, options);
  else response.cookie(COOKIE, session.value, { ...options, expires: new Date(session.expiresAt) });
}

export function addressOf(request: Request): string {
  return request.ip ?? '';
}

/** As the audit trail names who did it. */
export function operatorActor(request: Request): { name: string; ip: string | null } {
  return { name: 'operator', ip: request.ip ?? null };
}

function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.get('authorization') ?? '')?.[1];
}

function isHost(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.get('host');
}
