-- Uploads that nobody sees yet: found by the time they last took a batch.
CREATE INDEX jobs_uploading ON jobs (updated_at) WHERE in_parts = 0 AND accepted = 0;
