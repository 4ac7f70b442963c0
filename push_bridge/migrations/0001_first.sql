-- What the push bridge has to remember. Times are milliseconds since 1970. No text of a message is here, ever.

PRAGMA application_id = 1146438992;  -- "DUEP"

CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  epoch TEXT NOT NULL DEFAULT '',              -- of the store's log; empty: it was never read
  after_log INTEGER NOT NULL DEFAULT 0,        -- the last number of it that was applied
  generation INTEGER NOT NULL DEFAULT 0,       -- the last that a registration was given
  conversation_key BLOB NOT NULL DEFAULT x''  -- 32 bytes; hides who talks with whom from the providers
) STRICT;

INSERT INTO meta (id, schema_version) VALUES (1, 0);

-- Small secrets of the senders: provider tokens.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where a device can be woken. A token is one device's: who registers it last has it.
CREATE TABLE registrations (
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  channel TEXT NOT NULL,          -- platform/app: who sends to it
  token TEXT NOT NULL,            -- of web push: the endpoint
  environment INTEGER NOT NULL,   -- of APNs
  key BLOB NOT NULL,              -- these two of web push
  secret BLOB NOT NULL,
  registered_at INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  badge_at INTEGER NOT NULL DEFAULT 0,  -- when the last silent push went to it
  PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX registrations_token ON registrations (channel, token);

-- The outbox: one push for each device and conversation (slot: the peer), and one silent one for the device (slot: empty).
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  slot TEXT NOT NULL,
  peer TEXT NOT NULL,
  channel TEXT NOT NULL,
  last_seq INTEGER NOT NULL,
  message TEXT NOT NULL,             -- the id of that message; empty for a silent one
  message_at INTEGER NOT NULL,       -- when the broker had accepted it
  due INTEGER NOT NULL,              -- of a leased one: when the lease ends
  not_before INTEGER NOT NULL,       -- whatever else happens
  expires INTEGER NOT NULL,
  leased INTEGER NOT NULL DEFAULT 0,
  superseded INTEGER NOT NULL DEFAULT 0,  -- while it was leased: 1 the device has it, 2 it was read
  attempt INTEGER NOT NULL DEFAULT 0,     -- of the push with this id
  push_id TEXT NOT NULL DEFAULT '',
  push_seq INTEGER NOT NULL DEFAULT 0,    -- what that push says
  UNIQUE (user, device, slot)
) STRICT;
CREATE INDEX jobs_due ON jobs (channel, due);
CREATE INDEX jobs_expires ON jobs (expires);

-- What was sent to a device for a conversation since it was read.
CREATE TABLE pushed (
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,     -- the last message that a push spoke of
  pushes INTEGER NOT NULL,  -- since the device last confirmed
  at INTEGER NOT NULL,      -- of the last
  PRIMARY KEY (user, device, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_at ON pushed (at);

-- What was decided and why, the last of it.
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  message TEXT NOT NULL,
  decided TEXT NOT NULL,
  why TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  push_id TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_message ON decisions (message) WHERE message <> '';
CREATE INDEX decisions_place ON decisions (user, device, peer, id);
