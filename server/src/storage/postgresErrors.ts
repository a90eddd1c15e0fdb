import { type ErrorCode, SyncError } from '../domain/errors.ts';

interface Known {
  code: ErrorCode;
  message: string;
}

const AWAY: Known = {
  code: 'STORAGE_UNAVAILABLE',
  message:
    'The database can’t be reached: check that PostgreSQL runs and that DATABASE_URL names its host and port.',
};
const LOCKED: Known = {
  code: 'STORAGE_BUSY',
  message: 'Another transaction keeps a row that is needed: wait a moment.',
};
const CROWDED: Known = {
  code: 'STORAGE_BUSY',
  message: 'PostgreSQL takes no more connections: raise max_connections, or run fewer processes.',
};
const REFUSED: Known = {
  code: 'INVALID_CONFIGURATION',
  message: 'PostgreSQL refuses the user or the password of DATABASE_URL: check them.',
};
const UNTRUSTED: Known = {
  code: 'INVALID_CONFIGURATION',
  message:
    'The certificate of PostgreSQL is not trusted: give DATABASE_URL its sslrootcert, or mend the certificate.',
};
const FULL: Known = { code: 'STORAGE_FULL', message: 'The disk under PostgreSQL is full: make room on it.' };
const BROKEN: Known = {
  code: 'STORAGE_DAMAGED',
  message: 'PostgreSQL finds its data damaged: see its log, and bring back your newest backup.',
};

/** SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html) that are known to happen. */
const BY_STATE: Record<string, Known> = {
  '25006': {
    code: 'STORAGE_READ_ONLY',
    message: 'The database takes no writes: DATABASE_URL must name the primary server, not a standby.',
  },
  '25P03': AWAY,
  '28000': REFUSED,
  '28P01': REFUSED,
  '3D000': {
    code: 'INVALID_CONFIGURATION',
    message: 'There is no database of the name in DATABASE_URL: make it with createdb, or correct the name.',
  },
  '40001': LOCKED,
  '40P01': LOCKED,
  '42501': {
    code: 'INVALID_CONFIGURATION',
    message:
      'The user of DATABASE_URL may not do this: give it the right to create in the database, or make it the owner of the schema artly.',
  },
  '53100': FULL,
  '53200': { code: 'STORAGE_BUSY', message: 'PostgreSQL is out of memory: wait, or give it more.' },
  '53300': CROWDED,
  '53400': CROWDED,
  '55P03': LOCKED,
  '57014': {
    code: 'STORAGE_BUSY',
    message: 'A statement took too long and was ended: PostgreSQL is overloaded; wait a moment.',
  },
  '58030': { code: 'STORAGE_UNAVAILABLE', message: 'The disk under PostgreSQL failed: look at the disk.' },
  XX001: BROKEN,
  XX002: BROKEN,
};

/** Whole classes of SQLSTATEs: connections that break, and an operator who shuts the server down or starts it. */
const BY_CLASS: Record<string, Known> = { '08': AWAY, '57': AWAY };

/** What the system says of a connection that can't be made, or broke. */
const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|ENOENT)$/;

/** Codes of OpenSSL for a certificate that is not trusted. */
const CERTIFICATE = /CERT|^ERR_TLS/;

/** Errors of the driver itself, which have no code. */
const BY_MESSAGE: [RegExp, Known][] = [
  [/^SASL: /, REFUSED],
  [
    /^timeout exceeded when trying to connect/,
    { ...CROWDED, message: 'No connection to PostgreSQL became free in time: wait a moment.' },
  ],
  [
    /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Client has already been|timeout expired|The server does not support SSL)/,
    AWAY,
  ],
];

/** Turns an error of PostgreSQL or of its driver into one of the catalogue; anything else stays what it is. */
export function asSyncError(error: unknown): unknown {
  const known = knownOf(error);
  return known === undefined ? error : new SyncError(known.code, known.message, { cause: error });
}

/** Whether the connection is gone or in an unknown state, so that nothing more can be said over it. */
export function isConnectionLost(error: unknown): boolean {
  return knownOf(error) === AWAY;
}

/** Whether what is needed was locked by another for too long. */
export function isLocked(error: unknown): boolean {
  return knownOf(error) === LOCKED;
}

export function isDiskFull(error: unknown): boolean {
  return knownOf(error) === FULL;
}

function knownOf(error: unknown): Known | undefined {
  if (!(error instanceof Error) || error instanceof SyncError) return undefined;
  // A name may stand for several addresses: then each has its own error.
  if (error instanceof AggregateError) return knownOf(error.errors[0]);
  const code = 'code' in error ? String(error.code) : '';
  return (
    BY_STATE[code] ??
    (code.length === 5 ? BY_CLASS[code.slice(0, 2)] : undefined) ??
    (NETWORK.test(code) ? AWAY : undefined) ??
    (CERTIFICATE.test(code) ? UNTRUSTED : undefined) ??
    BY_MESSAGE.find(([pattern]) => pattern.test(error.message))?.[1]
  );
}
