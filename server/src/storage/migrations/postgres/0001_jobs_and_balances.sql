-- Texts that are sorted or compared are COLLATE "C": by their bytes, the same on every server.

CREATE TABLE artly.sites (
  site_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  url text COLLATE "C" NOT NULL UNIQUE,
  created_at bigint NOT NULL,
  revoked_at bigint,
  last_seen_at bigint
);

-- A key is kept as a hash only. key_id is the part of the key that is no secret: it finds the row.
CREATE TABLE artly.site_keys (
  key_id text COLLATE "C" PRIMARY KEY,
  site_id integer NOT NULL REFERENCES artly.sites ON DELETE CASCADE,
  key_hash bytea NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX site_keys_by_site ON artly.site_keys (site_id);

-- The committed row is the job. job_seq is the order of creation within a site: whoever creates a job holds a lock of
-- its site until the commit, because a sequence alone may give a lower number that is seen later.
-- Room is left in each page, and no index holds what a batch changes: so its update stays within the page.
CREATE TABLE artly.jobs (
  job_seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id text COLLATE "C" NOT NULL UNIQUE,
  site_id integer NOT NULL REFERENCES artly.sites ON DELETE CASCADE,
  type text COLLATE "C" NOT NULL,
  mode text COLLATE "C" NOT NULL DEFAULT 'merge' CHECK (mode IN ('merge', 'snapshot')),
  confirm_removal boolean NOT NULL DEFAULT false,
  -- The members whose whole picture a snapshot is, where it is not that of all: [[from, to], …], merged, ascending.
  ranges jsonb,
  -- false while the body is still coming in: then nobody works on the job, but it has its place in the order.
  accepted boolean NOT NULL DEFAULT false,
  -- A job whose records come in parts is seen while they come in.
  in_parts boolean NOT NULL DEFAULT false,
  expected_total bigint,
  status text COLLATE "C" NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  total bigint NOT NULL DEFAULT 0,
  batch_count bigint NOT NULL DEFAULT 0,
  next_batch bigint NOT NULL DEFAULT 0,
  processed bigint NOT NULL DEFAULT 0,
  inserted bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  unchanged bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  removed bigint NOT NULL DEFAULT 0,
  -- The member up to whom removing has come.
  removed_up_to bigint NOT NULL DEFAULT 0,
  step_message text NOT NULL DEFAULT '',
  error_code text,
  error_message text,
  attempt integer NOT NULL DEFAULT 1,
  version bigint NOT NULL DEFAULT 1,
  failures integer NOT NULL DEFAULT 0,
  attempt_processed bigint NOT NULL DEFAULT 0,
  ms_per_record double precision,
  lease_owner text,
  lease_until bigint,
  run_after bigint,
  records_kept boolean NOT NULL DEFAULT true,
  created_at bigint NOT NULL,
  started_at bigint,
  updated_at bigint NOT NULL,
  completed_at bigint,
  CHECK (inserted + updated + unchanged + rejected = processed),
  CHECK (processed <= total OR NOT accepted)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX jobs_by_site ON artly.jobs (site_id, job_seq);
CREATE INDEX jobs_unfinished ON artly.jobs (site_id, type, job_seq) WHERE status IN ('pending', 'running');
CREATE INDEX jobs_retryable ON artly.jobs (site_id, type, job_seq)
  WHERE status IN ('failed', 'cancelled') AND records_kept;
CREATE INDEX jobs_with_records ON artly.jobs (completed_at) WHERE records_kept;
CREATE INDEX jobs_without_records ON artly.jobs (completed_at) WHERE NOT records_kept;
-- Few at a time, so that it need not hold updated_at, which each batch changes.
CREATE INDEX jobs_receiving ON artly.jobs (job_seq) WHERE NOT accepted AND status = 'pending';

-- The records of a job, checked and in the form in which they are applied: docs/decisions/0003-the-batch.md.
CREATE TABLE artly.job_batches (
  job_seq bigint NOT NULL REFERENCES artly.jobs ON DELETE CASCADE,
  n bigint NOT NULL,
  record_count integer NOT NULL,
  row_count integer NOT NULL,
  removal_count integer NOT NULL,
  reject_count integer NOT NULL,
  -- The lowest and the highest member of the rows; 0 where there are none.
  min_user_id bigint NOT NULL,
  max_user_id bigint NOT NULL,
  -- The types of points of the rows, as a JSON list.
  points_types jsonb NOT NULL,
  -- The members whose record was rejected, as a JSON list.
  rejected_user_ids jsonb NOT NULL,
  removal_list jsonb NOT NULL,
  packed_rows bytea NOT NULL,
  PRIMARY KEY (job_seq, n)
);
-- They are packed already: to try again would only take time.
ALTER TABLE artly.job_batches ALTER COLUMN packed_rows SET STORAGE EXTERNAL;

CREATE TABLE artly.job_parts (
  job_seq bigint NOT NULL REFERENCES artly.jobs ON DELETE CASCADE,
  part bigint NOT NULL,
  record_count bigint NOT NULL,
  content_hash bytea NOT NULL,
  PRIMARY KEY (job_seq, part)
);

CREATE TABLE artly.job_rejects (
  job_seq bigint NOT NULL REFERENCES artly.jobs ON DELETE CASCADE,
  record_index bigint NOT NULL,
  wp_user_id bigint,
  code text NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (job_seq, record_index)
);

CREATE TABLE artly.job_audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_seq bigint NOT NULL REFERENCES artly.jobs ON DELETE CASCADE,
  at bigint NOT NULL,
  event text NOT NULL,
  actor text NOT NULL,
  ip text,
  attempt integer NOT NULL,
  detail text
);
CREATE INDEX job_audit_by_job ON artly.job_audit (job_seq, audit_id);

-- A start that is repeated with the same key and body gives the same job, also when that job is long gone.
CREATE TABLE artly.idempotency_keys (
  site_id integer NOT NULL REFERENCES artly.sites ON DELETE CASCADE,
  idempotency_key text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  job_id text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (site_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON artly.idempotency_keys (created_at);

-- balance is in ten-thousandths. job_seq is the job that brought the row: an older one never overwrites it.
-- checksum is that of the record: sums of it tell where two shops differ. No index holds what an update changes.
-- No foreign key to sites: its check would cost time with every row. Who deletes a site deletes these.
-- The columns of a fixed length stand first, the longest ahead: so no row has gaps.
CREATE TABLE artly.points_balances (
  wp_user_id bigint NOT NULL,
  balance bigint NOT NULL,
  job_seq bigint NOT NULL,
  checksum bigint NOT NULL,
  site_id integer NOT NULL,
  points_type text COLLATE "C" NOT NULL,
  email text COLLATE "C" NOT NULL,
  PRIMARY KEY (site_id, wp_user_id, points_type)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Removed balances, remembered so that a job older than the one that removed them can't bring them back.
CREATE TABLE artly.removed_balances (
  wp_user_id bigint NOT NULL,
  job_seq bigint NOT NULL,
  site_id integer NOT NULL,
  points_type text COLLATE "C" NOT NULL,
  PRIMARY KEY (site_id, wp_user_id, points_type)
);
CREATE INDEX removed_balances_by_job ON artly.removed_balances (site_id, job_seq);
