-- How far a job had come, and when: some hundred rows an attempt, from which its speed over time is drawn.
CREATE TABLE job_samples (
  job_seq INTEGER NOT NULL REFERENCES jobs (job_seq) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  processed INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (job_seq, attempt, processed)
) STRICT, WITHOUT ROWID;

-- Jobs of all sites in one state, newest first. job_seq, the number of the row, stands at the end of each by itself.
CREATE INDEX jobs_by_status ON jobs (status, created_at);
CREATE INDEX jobs_by_type_and_status ON jobs (type, status, created_at);
CREATE INDEX jobs_by_site_and_status ON jobs (site_id, status, created_at, type);
-- What ended when, without a look at the jobs. No batch touches it: while a job runs, it is not in there.
CREATE INDEX jobs_ended ON jobs (completed_at, status, processed, rejected, site_id) WHERE completed_at IS NOT NULL;
