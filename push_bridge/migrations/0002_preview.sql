-- Who wants a preview of messages in a push. Of APNs and FCM, key and secret are then what it is encrypted to.

ALTER TABLE registrations ADD COLUMN preview INTEGER NOT NULL DEFAULT 0;
