-- Names: docs/adr/0025-unknown-recipients.md.

-- 0: only spoken of (written to, or blocked); 1: seen, a token of theirs was accepted; 2: has an account, or had one.
ALTER TABLE users ADD COLUMN known INTEGER NOT NULL DEFAULT 0 CHECK (known IN (0, 1, 2));

UPDATE users SET known = 1 WHERE id IN (
  SELECT user_id FROM devices UNION SELECT user_id FROM begun UNION SELECT blocker FROM blocks
  UNION SELECT user_a FROM conversations WHERE a_sent > 0 UNION SELECT user_b FROM conversations WHERE b_sent > 0);

-- Every account of duet-auth with a number up to this was noted in users.known.
ALTER TABLE meta ADD COLUMN accounts_through INTEGER NOT NULL DEFAULT 0;

-- The names that were signed up with lately: what was accepted up to `at` is not for them. Milliseconds since 1970.
CREATE TABLE claims (
  user_id INTEGER PRIMARY KEY REFERENCES users,
  at INTEGER NOT NULL
) STRICT;

CREATE INDEX claims_by_time ON claims (at);
