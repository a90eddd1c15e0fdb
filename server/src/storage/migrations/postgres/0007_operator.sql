-- How far a job had come, and when: some hundred rows an attempt, from which its speed over time is drawn.
CREATE TABLE artly.job_samples (
  job_seq bigint NOT NULL REFERENCES artly.jobs ON DELETE CASCADE,
  processed bigint NOT NULL,
  at bigint NOT NULL,
  attempt integer NOT NULL,
  PRIMARY KEY (job_seq, attempt, processed)
);

-- Jobs of all sites in one state, newest first. None holds what a batch changes.
CREATE INDEX jobs_by_status ON artly.jobs (status, created_at, job_seq);
CREATE INDEX jobs_by_type_and_status ON artly.jobs (type, status, created_at, job_seq);
CREATE INDEX jobs_by_site_and_status ON artly.jobs (site_id, status, created_at, job_seq, type);
CREATE INDEX jobs_ended ON artly.jobs (completed_at) WHERE completed_at IS NOT NULL;
