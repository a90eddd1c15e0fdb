-- The history of members. event_seq is the order in which events came. record is the whole event as binary JSON, as the
-- batch had it. The index by member goes by blocks of events. pointsEvents.ts says why.
CREATE TABLE points_events (
  event_seq INTEGER PRIMARY KEY,
  site_id INTEGER NOT NULL,
  external_event_id TEXT NOT NULL,
  wp_user_id INTEGER NOT NULL,
  record BLOB NOT NULL,
  UNIQUE (site_id, external_event_id)
) STRICT;
CREATE INDEX points_events_by_member ON points_events (site_id, event_seq / 8192, wp_user_id);

-- job_seq is the job that brought the row: an older one never overwrites it.
CREATE TABLE users (
  site_id INTEGER NOT NULL,
  wp_user_id INTEGER NOT NULL,
  job_seq INTEGER NOT NULL,
  email TEXT NOT NULL,
  phone TEXT,
  whatsapp TEXT,
  locale TEXT,
  timezone TEXT,
  PRIMARY KEY (site_id, wp_user_id)
) STRICT, WITHOUT ROWID;
