-- Strangers: docs/adr/0015-strangers.md.

-- Whose consent the conversation waits for (0: user_a's, 1: user_b's). NULL: it is given, or was never asked for.
ALTER TABLE conversations ADD COLUMN awaits INTEGER CHECK (awaits IN (0, 1));

CREATE INDEX conversations_awaiting ON conversations (id) WHERE awaits IS NOT NULL;

-- The limit of new conversations: until when what the user has begun counts, in milliseconds since 1970.
CREATE TABLE begun (
  user_id INTEGER PRIMARY KEY REFERENCES users,
  full_at INTEGER NOT NULL
) STRICT;
