-- Push: docs/adr/0019-push-feed.md.

-- What each device with a push registration has said it has, whether or not that raised its user's marks. Append-ordered;
-- the log numbers are of the same count as those of messages and receipts. Rows go at the other end; the newest stays.
CREATE TABLE device_receipts (
  log_number INTEGER PRIMARY KEY,
  conversation_id INTEGER NOT NULL,
  side INTEGER NOT NULL CHECK (side IN (0, 1)),  -- whose device: 0: user_a's, 1: user_b's
  device TEXT NOT NULL,
  delivered INTEGER NOT NULL,
  read INTEGER NOT NULL,
  CHECK (read <= delivered)
) STRICT;

-- The conversations for which a side wants no pushes.
CREATE TABLE mutes (
  conversation_id INTEGER NOT NULL,
  side INTEGER NOT NULL CHECK (side IN (0, 1)),  -- who has muted: 0: user_a, 1: user_b
  until INTEGER,  -- milliseconds since 1970; NULL: until it is taken back
  PRIMARY KEY (conversation_id, side)
) STRICT, WITHOUT ROWID;
