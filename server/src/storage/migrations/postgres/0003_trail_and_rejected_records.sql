-- What had been settled when the entry was written: from these come what each attempt did.
ALTER TABLE artly.job_audit
  ADD COLUMN inserted bigint NOT NULL DEFAULT 0,
  ADD COLUMN updated bigint NOT NULL DEFAULT 0,
  ADD COLUMN unchanged bigint NOT NULL DEFAULT 0,
  ADD COLUMN rejected bigint NOT NULL DEFAULT 0;

-- The rejected record as it was sent, as JSON text, as long as the records of the job are kept.
ALTER TABLE artly.job_rejects ADD COLUMN record text;
CREATE INDEX job_rejects_with_record ON artly.job_rejects (job_seq) WHERE record IS NOT NULL;

-- The job whose rejected records these are. Its place in the order, by which records overwrite each other, is theirs too:
-- NULL where a job has the place of its creation.
ALTER TABLE artly.jobs ADD COLUMN rejects_of bigint;
ALTER TABLE artly.jobs ADD COLUMN place bigint;
