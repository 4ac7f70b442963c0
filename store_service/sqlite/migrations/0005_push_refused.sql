-- Why the push bridge or the push service cannot use what the device has registered last; empty: nothing is known
-- against it. For the user's eyes alone: what push is told of does not depend on it.
ALTER TABLE devices ADD COLUMN push_refused TEXT NOT NULL DEFAULT '';
