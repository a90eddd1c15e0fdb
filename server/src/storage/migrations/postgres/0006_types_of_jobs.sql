-- The history of members. event_seq is the order in which events came.
CREATE TABLE artly.points_events (
  event_seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  wp_user_id bigint NOT NULL,
  points_delta bigint NOT NULL,
  order_id bigint,
  created_at bigint NOT NULL,
  site_id integer NOT NULL,
  external_event_id text COLLATE "C" NOT NULL,
  email text NOT NULL,
  event_type text NOT NULL,
  source text,
  UNIQUE (site_id, external_event_id)
);
CREATE INDEX points_events_by_member ON artly.points_events (site_id, wp_user_id, event_seq);

-- job_seq is the job that brought the row: an older one never overwrites it.
CREATE TABLE artly.users (
  wp_user_id bigint NOT NULL,
  job_seq bigint NOT NULL,
  site_id integer NOT NULL,
  email text COLLATE "C" NOT NULL,
  phone text COLLATE "C",
  whatsapp text COLLATE "C",
  locale text COLLATE "C",
  timezone text COLLATE "C",
  PRIMARY KEY (site_id, wp_user_id)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
