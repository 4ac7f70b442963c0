-- Where a push waits (push_bridge/lane_names.h), which its app alone does not say of Web Push. The bridge puts
-- each in its lane when it starts.
ALTER TABLE jobs RENAME COLUMN channel TO lane;
