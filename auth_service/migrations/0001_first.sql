-- Accounts, logins and what was revoked. Times are milliseconds since 1970.

PRAGMA application_id = 1146438977;  -- "DUEA"

CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  longest_access_s INTEGER NOT NULL DEFAULT 0  -- the longest life that an access token was ever given
) STRICT;

INSERT INTO meta (id, schema_version) VALUES (1, 0);

-- A removed account keeps its row: its name is never given to somebody else, who would read its conversations.
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  user TEXT NOT NULL UNIQUE,
  password TEXT,  -- an Argon2id hash in PHC form; NULL: removed
  version INTEGER NOT NULL DEFAULT 1,  -- of the password: a login checked against an older one does not count
  created INTEGER NOT NULL
) STRICT;

-- One row for each login: the family of its refresh tokens. An ended family has no row.
CREATE TABLE families (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account INTEGER NOT NULL REFERENCES accounts,
  client TEXT NOT NULL,
  device TEXT,
  ends INTEGER NOT NULL,       -- however often it is refreshed
  idle_ends INTEGER NOT NULL,  -- unless it is refreshed
  current BLOB NOT NULL CHECK (length(current) = 32),  -- SHA-256 of the token that is good now
  previous BLOB,                                       -- of the one before it …
  salt BLOB,                                           -- … which the current one was derived from with this …
  rotated INTEGER                                      -- … then
) STRICT, WITHOUT ROWID;

CREATE INDEX families_by_account ON families (account);
CREATE INDEX families_by_end ON families (idle_ends);

CREATE TABLE revocations (
  id INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  device TEXT,  -- NULL: every device
  before INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_user ON revocations (user);
CREATE INDEX revocations_by_end ON revocations (until);
