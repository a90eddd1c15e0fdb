-- Jobs are counted by type and state for those who watch over the server: from this index alone. No batch changes it.
CREATE INDEX jobs_tally ON jobs (type, status, accepted, in_parts);
