-- A start that is repeated with the same key and body gives the same job, also when that job is long gone.
CREATE TABLE idempotency_keys (
  site_id INTEGER NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
  idempotency_key TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  job_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (site_id, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
