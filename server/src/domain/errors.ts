/**
 * The catalogue of everything that can go wrong and is expected to. docs/errors.md lists the same codes,
 * and a test compares the two.
 *
 * `status` is the HTTP status; `passing` marks a failure that may be gone when tried again, which is what
 * makes a job retry by itself.
 */
export const ERRORS = {
  MISSING_KEY: { status: 401 },
  WRONG_KEY: { status: 401 },
  TICKET_INVALID: { status: 401 },
  TICKET_OTHER_JOB: { status: 401 },
  ORIGIN_NOT_ALLOWED: { status: 403 },
  NOT_SIGNED_IN: { status: 401 },
  WRONG_TOKEN: { status: 401 },
  TOO_MANY_TRIES: { status: 429 },
  CROSS_SITE: { status: 403 },
  DASHBOARD_OFF: { status: 404 },
  NOT_FOUND: { status: 404 },
  JOB_NOT_FOUND: { status: 404 },
  TYPE_NOT_FOUND: { status: 404 },
  BALANCE_NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  INVALID_PARAMETER: { status: 400 },
  JOB_ID_MISSING: { status: 400 },
  JOB_ID_REPEATED: { status: 400 },
  JOB_ID_INVALID: { status: 400 },
  INVALID_JSON: { status: 400 },
  NOT_AN_ARRAY: { status: 400 },
  NOT_AN_OBJECT: { status: 400 },
  EMPTY_ARRAY: { status: 400 },
  BODY_TRUNCATED: { status: 400 },
  BROKEN_GZIP: { status: 400 },
  BODY_STALLED: { status: 408 },
  TOO_MANY_RECORDS: { status: 413 },
  BODY_TOO_LARGE: { status: 413 },
  RECORD_TOO_LARGE: { status: 413 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  UNSUPPORTED_ENCODING: { status: 415 },
  UPGRADE_REQUIRED: { status: 426 },
  INVALID_MESSAGE: { status: 400 },
  TOO_MANY_WATCHERS: { status: 429 },
  IDEMPOTENCY_KEY_INVALID: { status: 400 },
  IDEMPOTENCY_KEY_REUSED: { status: 409 },
  BATCH_DIFFERS: { status: 409 },
  BATCHES_MISSING: { status: 409 },
  UPLOAD_DIFFERS: { status: 409 },
  UPLOAD_NOT_OPEN: { status: 409 },
  UPLOAD_ABANDONED: { status: 409 },
  JOB_NOT_RETRYABLE: { status: 409 },
  RECORDS_DROPPED: { status: 409 },
  NO_REJECTS: { status: 409 },
  REMOVAL_NOT_CONFIRMED: { status: 409 },
  JOB_CANCELLED: { status: 409 },
  JOB_FAILED: { status: 500 },
  SITE_EXISTS: { status: 409 },
  SITE_NOT_FOUND: { status: 404 },
  SITE_URL_INVALID: { status: 400 },
  SITE_NOT_CONFIRMED: { status: 409 },
  SITE_LET_IN: { status: 409 },
  SHUTTING_DOWN: { status: 503 },
  STORAGE_BUSY: { status: 503, passing: true },
  STORAGE_FULL: { status: 507, passing: true },
  STORAGE_UNAVAILABLE: { status: 503, passing: true },
  STORAGE_READ_ONLY: { status: 503, passing: true },
  STORAGE_DAMAGED: { status: 500 },
  STORAGE_IN_USE: { status: 500 },
  STORAGE_TOO_NEW: { status: 500 },
  STORAGE_TOO_OLD: { status: 500 },
  STORAGE_NOT_EMPTY: { status: 500 },
  STORAGE_HALF_COPIED: { status: 500 },
  INVALID_CONFIGURATION: { status: 500 },
  INTERNAL: { status: 500 },
} as const satisfies Record<string, { status: number; passing?: true }>;

export type ErrorCode = keyof typeof ERRORS;

/** A failure with a code of the catalogue and a sentence that says what is wrong and what to do. */
export class SyncError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SyncError';
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** Whether the same work may succeed when tried again later. */
  get passing(): boolean {
    return 'passing' in ERRORS[this.code];
  }
}
