-- What had been settled when the entry was written: from these come what each attempt did.
ALTER TABLE job_audit ADD COLUMN inserted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_audit ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_audit ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_audit ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0;

-- The rejected record as it was sent, as JSON, as long as the records of the job are kept.
ALTER TABLE job_rejects ADD COLUMN record TEXT;
CREATE INDEX job_rejects_with_record ON job_rejects (job_seq) WHERE record IS NOT NULL;

-- The job whose rejected records these are. Its place in the order, by which records overwrite each other, is theirs too:
-- NULL where a job has the place of its creation.
ALTER TABLE jobs ADD COLUMN rejects_of INTEGER;
ALTER TABLE jobs ADD COLUMN place INTEGER;
