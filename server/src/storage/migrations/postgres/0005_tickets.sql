-- A ticket lets a browser watch one job, once, without the key. It is kept as a hash only.
CREATE TABLE artly.tickets (
  ticket_hash bytea PRIMARY KEY,
  site_id integer NOT NULL REFERENCES artly.sites ON DELETE CASCADE,
  job_id text COLLATE "C" NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX tickets_by_age ON artly.tickets (expires_at);
