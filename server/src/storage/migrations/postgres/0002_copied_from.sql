-- Where all of this was copied from a SQLite file: one row, or none. While completed_at is null, the copy is half done,
-- and no server starts on it.
CREATE TABLE artly.copied_from (
  -- What the file held: a copy goes on from the same one only.
  source_hash bytea NOT NULL,
  begun_at bigint NOT NULL,
  completed_at bigint
);
