-- The first schema. docs/adr/0003-sqlite-layout.md says why it looks like this: what is written for each message is appended,
-- and what is searched is kept in few, small or lazily filled trees.

PRAGMA application_id = 1146438996;  -- "DUET"

CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  epoch TEXT NOT NULL CHECK (length(epoch) = 16),
  hash_key BLOB NOT NULL CHECK (length(hash_key) = 16),  -- of the hashes in message_ids
  delivered_mark INTEGER NOT NULL DEFAULT 0,
  ids_indexed INTEGER NOT NULL DEFAULT 0  -- every message up to this log number is in message_ids
) STRICT;

INSERT INTO meta (id, schema_version, epoch, hash_key) VALUES (1, 0, lower(hex(randomblob(8))), randomblob(16));

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One row for each pair. `tail` are the log numbers of the last (last_seq % 16) messages, 8 bytes each, little-endian.
CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  user_a INTEGER NOT NULL REFERENCES users,
  user_b INTEGER NOT NULL REFERENCES users,
  last_seq INTEGER NOT NULL,
  last_log INTEGER NOT NULL,  -- log number of the last message
  last_ts INTEGER NOT NULL,
  a_sent INTEGER NOT NULL,  -- messages by a
  a_delivered INTEGER NOT NULL,
  a_read INTEGER NOT NULL,
  a_seen INTEGER NOT NULL,  -- messages by b up to a_read
  a_receipt_log INTEGER NOT NULL,  -- log number of a's last receipt; 0: none
  b_sent INTEGER NOT NULL,
  b_delivered INTEGER NOT NULL,
  b_read INTEGER NOT NULL,
  b_seen INTEGER NOT NULL,
  b_receipt_log INTEGER NOT NULL,
  tail BLOB NOT NULL,
  UNIQUE (user_a, user_b),
  CHECK (user_a < user_b),
  CHECK (a_sent + b_sent = last_seq),
  CHECK (a_seen <= b_sent AND b_seen <= a_sent),
  CHECK (a_read <= a_delivered AND a_delivered <= last_seq),
  CHECK (b_read <= b_delivered AND b_delivered <= last_seq),
  CHECK (length(tail) = last_seq % 16 * 8)
) STRICT;

CREATE INDEX conversations_of_b ON conversations (user_b);

-- Append-ordered: log numbers ascend over the whole store.
CREATE TABLE messages (
  log_number INTEGER PRIMARY KEY,
  conversation_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  sender INTEGER NOT NULL,  -- 0: user_a, 1: user_b
  sender_count INTEGER NOT NULL,  -- how many messages of this sender there are up to this one
  message_id TEXT NOT NULL,
  ts INTEGER NOT NULL,
  type TEXT,  -- NULL: text/plain
  body TEXT NOT NULL
) STRICT;

-- The way from seq to log number: a row for each 16 messages, (seq - 1) / 16 = block; the newest are in conversations.tail.
CREATE TABLE seq_blocks (
  conversation_id INTEGER NOT NULL,
  block INTEGER NOT NULL,
  logs BLOB NOT NULL CHECK (length(logs) = 128),
  PRIMARY KEY (conversation_id, block)
) STRICT, WITHOUT ROWID;

-- The way from (conversation, sender, message id) to the message, by a keyed hash. Filled behind meta.ids_indexed; what is
-- newer is in the writer's memory and is read again from `messages` at opening.
CREATE TABLE message_ids (
  id_hash INTEGER NOT NULL,
  log_number INTEGER NOT NULL,
  PRIMARY KEY (id_hash, log_number)
) STRICT, WITHOUT ROWID;

-- The last receipt of each side of each conversation, in log order.
CREATE TABLE receipts (
  log_number INTEGER PRIMARY KEY,
  conversation_id INTEGER NOT NULL,
  side INTEGER NOT NULL  -- who received or read: 0: user_a, 1: user_b
) STRICT;

CREATE TABLE ingest_offsets (
  node TEXT NOT NULL,
  partition INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (node, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
  blocker INTEGER NOT NULL REFERENCES users,
  blocked INTEGER NOT NULL REFERENCES users,
  PRIMARY KEY (blocker, blocked)
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
  user_id INTEGER NOT NULL REFERENCES users,
  device TEXT NOT NULL,
  last_seen INTEGER,  -- NULL: never
  push_platform TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, device)
) STRICT, WITHOUT ROWID;
