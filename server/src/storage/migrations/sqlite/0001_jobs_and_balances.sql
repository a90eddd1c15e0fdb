CREATE TABLE sites (
  site_id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER,
  last_seen_at INTEGER
) STRICT;

-- A key is kept as a hash only. key_id is the part of the key that is no secret: it finds the row.
CREATE TABLE site_keys (
  key_id TEXT PRIMARY KEY,
  site_id INTEGER NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
  key_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX site_keys_by_site ON site_keys (site_id);

-- The committed row is the job. job_seq is the order of creation; AUTOINCREMENT never gives a number twice,
-- also when the newest job was deleted, because balances remember it.
CREATE TABLE jobs (
  job_seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  site_id INTEGER NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  -- 0 while the body is still coming in: then nobody sees the job, but it has its place in the order.
  accepted INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  total INTEGER NOT NULL DEFAULT 0,
  batch_count INTEGER NOT NULL DEFAULT 0,
  next_batch INTEGER NOT NULL DEFAULT 0,
  processed INTEGER NOT NULL DEFAULT 0,
  inserted INTEGER NOT NULL DEFAULT 0,
  updated INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  step_message TEXT NOT NULL DEFAULT '',
  error_code TEXT,
  error_message TEXT,
  attempt INTEGER NOT NULL DEFAULT 1,
  version INTEGER NOT NULL DEFAULT 1,
  failures INTEGER NOT NULL DEFAULT 0,
  attempt_processed INTEGER NOT NULL DEFAULT 0,
  ms_per_record REAL,
  lease_owner TEXT,
  lease_until INTEGER,
  run_after INTEGER,
  records_kept INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  updated_at INTEGER NOT NULL,
  completed_at INTEGER,
  CHECK (inserted + updated + unchanged + rejected = processed),
  CHECK (processed <= total OR accepted = 0)
) STRICT;
CREATE INDEX jobs_by_site ON jobs (site_id, job_seq);
CREATE INDEX jobs_unfinished ON jobs (site_id, type, job_seq) WHERE status IN ('pending', 'running');
CREATE INDEX jobs_retryable ON jobs (site_id, type, job_seq) WHERE status IN ('failed', 'cancelled') AND records_kept = 1;
CREATE INDEX jobs_with_records ON jobs (completed_at) WHERE records_kept = 1;
CREATE INDEX jobs_without_records ON jobs (completed_at) WHERE records_kept = 0;

-- The records of a job, checked and in the form in which they are applied: docs/decisions/0003-the-batch.md.
-- The lists stand last: to read a column behind a long value, SQLite walks through all of it.
CREATE TABLE job_batches (
  job_seq INTEGER NOT NULL REFERENCES jobs (job_seq) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  record_count INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  removal_count INTEGER NOT NULL,
  reject_count INTEGER NOT NULL,
  min_user_id INTEGER NOT NULL,
  max_user_id INTEGER NOT NULL,
  -- The types of points of the rows, as a JSON list.
  points_types TEXT NOT NULL,
  -- The members whose record was rejected, as a JSON list.
  rejected_user_ids TEXT NOT NULL,
  removal_list TEXT NOT NULL,
  packed_rows BLOB NOT NULL,
  PRIMARY KEY (job_seq, n)
) STRICT;

CREATE TABLE job_rejects (
  job_seq INTEGER NOT NULL REFERENCES jobs (job_seq) ON DELETE CASCADE,
  record_index INTEGER NOT NULL,
  wp_user_id INTEGER,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (job_seq, record_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_audit (
  audit_id INTEGER PRIMARY KEY,
  job_seq INTEGER NOT NULL REFERENCES jobs (job_seq) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  event TEXT NOT NULL,
  actor TEXT NOT NULL,
  ip TEXT,
  attempt INTEGER NOT NULL,
  detail TEXT
) STRICT;
CREATE INDEX job_audit_by_job ON job_audit (job_seq, audit_id);

-- balance is in ten-thousandths. job_seq is the job that brought the row: an older one never overwrites it.
-- checksum is that of the record: sums of it tell where two shops differ.
-- No foreign key to sites: its check would cost a tenth of the time of a large job. Who deletes a site deletes these.
CREATE TABLE points_balances (
  site_id INTEGER NOT NULL,
  wp_user_id INTEGER NOT NULL,
  points_type TEXT NOT NULL,
  balance INTEGER NOT NULL,
  job_seq INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  email TEXT NOT NULL,
  PRIMARY KEY (site_id, wp_user_id, points_type)
) STRICT, WITHOUT ROWID;

-- Removed balances, remembered so that a job older than the one that removed them can't bring them back.
CREATE TABLE removed_balances (
  site_id INTEGER NOT NULL,
  wp_user_id INTEGER NOT NULL,
  points_type TEXT NOT NULL,
  job_seq INTEGER NOT NULL,
  PRIMARY KEY (site_id, wp_user_id, points_type)
) STRICT, WITHOUT ROWID;
CREATE INDEX removed_balances_by_job ON removed_balances (site_id, job_seq);
