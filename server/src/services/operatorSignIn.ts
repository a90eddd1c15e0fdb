import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { SyncError } from '../domain/errors.ts';
import type { Log } from '../domain/log.ts';
import type { Clock } from './clock.ts';
import { SignInThrottle } from './signInThrottle.ts';

const SESSION_MS = 12 * 3_600_000;
const SESSION = /^(v1\.(\d{13,15})\.[\w-]{22})\.([\w-]{43})$/;

export interface Session {
  /** What the browser keeps as its cookie. */
  value: string;
  expiresAt: number;
}

/**
 * The operator's sign-in by `ARTLY_ADMIN_TOKEN`. A session is a signed text, so that every process that knows the token
 * knows the session, and a new token ends all of them: docs/decisions/0011-operator-session.md.
 */
export class OperatorSignIn {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #throttle = new SignInThrottle();
  readonly #key: Buffer | undefined;
  readonly #tokenMark: Buffer | undefined;

  /** Without a token, the dashboard and the operator's API are off. */
  constructor({ token, clock, log }: { token: string | undefined; clock: Clock; log: Log }) {
    this.#clock = clock;
    this.#log = log;
    if (token === undefined) return;
    this.#key = createHmac('sha256', token).update('artly-sync operator session').digest();
    this.#tokenMark = this.#markOf(token);
  }

  requireOn(): void {
    if (this.#key !== undefined) return;
    throw new SyncError(
      'DASHBOARD_OFF',
      'The dashboard and the operator’s API are off: set ARTLY_ADMIN_TOKEN to 16 characters or more, and start the server again.',
    );
  }

  /** Rejects a token that is wrong, and any token from an address that was wrong too often. */
  checkToken(token: string, address: string): void {
    this.requireOn();
    const now = this.#clock.now();
    const waitMs = this.#throttle.waitMs(address, now);
    if (waitMs > 0) throw new TooManyTries(Math.ceil(waitMs / 1000));
    if (!timingSafeEqual(this.#markOf(token), this.#tokenMark as Buffer)) {
      this.#throttle.wrong(address, now);
      this.#log.warn('operator.refused', { address });
      throw new SyncError('WRONG_TOKEN', 'This is not the token: take the value of ARTLY_ADMIN_TOKEN.');
    }
    this.#throttle.right(address);
  }

  newSession(address: string): Session {
    this.#log.info('operator.signedIn', { address });
    const expiresAt = this.#clock.now() + SESSION_MS;
    const text = `v1.${expiresAt}.${randomBytes(16).toString('base64url')}`;
    return { value: `${text}.${this.#sign(text)}`, expiresAt };
  }

  /** The session of a cookie, as long as it holds. */
  session(value: string): Session | undefined {
    const [, text, expires, signature] = SESSION.exec(value) ?? [];
    if (text === undefined || signature === undefined || this.#key === undefined) return undefined;
    if (!timingSafeEqual(Buffer.from(signature), Buffer.from(this.#sign(text)))) return undefined;
    const expiresAt = Number(expires);
    return expiresAt > this.#clock.now() ? { value, expiresAt } : undefined;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key as Buffer)
      .update(text)
      .digest('base64url');
  }

  /** Of one length, whatever the length of the token, so that two can be compared in constant time. */
  #markOf(token: string): Buffer {
    return createHmac('sha256', this.#key as Buffer)
      .update(`token ${token}`)
      .digest();
  }
}

/** The answer says when to try again. */
export class TooManyTries extends SyncError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('TOO_MANY_TRIES', `Too many wrong tokens: try again in ${retryAfterSeconds} s.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
