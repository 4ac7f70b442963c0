-- What became of registrations, until the store has it (push_bridge/device_notes.h): the last of each device.
CREATE TABLE device_notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  refused TEXT NOT NULL,  -- why it cannot be used; empty: it was taken
  UNIQUE (user, device)
) STRICT;
