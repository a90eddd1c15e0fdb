-- A job whose records come in parts is seen while they come in; accepted stays 0 until its commit.
ALTER TABLE jobs ADD COLUMN in_parts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN expected_total INTEGER;
CREATE INDEX jobs_receiving ON jobs (updated_at) WHERE in_parts = 1 AND accepted = 0;

CREATE TABLE job_parts (
  job_seq INTEGER NOT NULL REFERENCES jobs (job_seq) ON DELETE CASCADE,
  part INTEGER NOT NULL,
  record_count INTEGER NOT NULL,
  content_hash BLOB NOT NULL,
  PRIMARY KEY (job_seq, part)
) STRICT, WITHOUT ROWID;
