-- A ticket lets a browser watch one job, once, without the key. It is kept as a hash only.
CREATE TABLE tickets (
  ticket_hash BLOB PRIMARY KEY,
  site_id INTEGER NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
  job_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_age ON tickets (expires_at);
