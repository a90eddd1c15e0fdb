-- Jobs are counted by type and state for those who watch over the server: from this index alone. No batch changes it.
CREATE INDEX jobs_tally ON artly.jobs (type, status) WHERE accepted OR in_parts;
