-- A snapshot is the whole picture of a site: what it does not carry is removed at its end.
ALTER TABLE jobs ADD COLUMN mode TEXT NOT NULL DEFAULT 'merge' CHECK (mode IN ('merge', 'snapshot'));
ALTER TABLE jobs ADD COLUMN confirm_removal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
-- The member up to whom removing has come.
ALTER TABLE jobs ADD COLUMN removed_up_to INTEGER NOT NULL DEFAULT 0;
-- The members whose whole picture it is, where it is not that of all: [[from, to], …] as JSON, merged, ascending.
ALTER TABLE jobs ADD COLUMN ranges TEXT;
