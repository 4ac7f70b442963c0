#include "store_service/sqlite/id_index.h"

#include <algorithm>

#include "store_service/sqlite/little_endian.h"

namespace duet::sqlite {
namespace {

// Twice what comes in, so that the memory shrinks back to its capacity after a restart.
constexpr std::size_t kMovedPerAdded = 2;

}  // namespace

LogNumber ids_indexed(const Connection& connection) {
  Statement statement(connection, "read the state of the id index", "SELECT ids_indexed FROM meta");
  Cursor row = statement.query();
  return row.next() ? row.number(0) : 0;
}

SipKey read_hash_key(const Connection& connection) {
  Statement statement(connection, "read the hash key", "SELECT hash_key FROM meta");
  Cursor row = statement.query();
  if (!row.next() || row.blob(0).size() != 16) connection.damaged("the hash key is missing");
  return {load_u64(row.blob(0)), load_u64(row.blob(0).substr(8))};
}

std::uint64_t id_hash(const SipKey& key, ConversationKey conversation, Side sender, std::string_view id) {
  std::string bytes;
  bytes.reserve(16 + MessageId::kMaxBytes);
  append_u64(bytes, static_cast<std::uint64_t>(conversation));
  append_u64(bytes, index_of(sender));
  bytes += id;
  return sip_hash(key, bytes);
}

IdIndex::IdIndex(const Connection& connection, std::size_t capacity)
    : capacity_(capacity),
      find_(connection, "find a message by id", "SELECT log_number FROM message_ids WHERE id_hash = ?1"),
      insert_(connection, "index a message id",
              "INSERT OR IGNORE INTO message_ids (id_hash, log_number) VALUES (?1, ?2)"),
      set_indexed_(connection, "index message ids", "UPDATE meta SET ids_indexed = ?1") {
  load(connection);
}

void IdIndex::load(const Connection& connection) {
  key_ = read_hash_key(connection);
  const LogNumber indexed = ids_indexed(connection);
  Statement recent(
      connection, "read the recent message ids",
      "SELECT log_number, conversation_id, sender, message_id FROM messages WHERE log_number > ?1 "
      "ORDER BY log_number");
  Cursor row = recent.query(indexed);
  while (row.next()) {
    const Side sender = row.integer(2) == 0 ? Side::a : Side::b;
    keep({hash(row.key<ConversationKey>(1), sender, row.name<MessageId>(3)), row.number(0)});
  }
  sweep_.from = last_log_;
  committed();
}

const std::vector<LogNumber>& IdIndex::find(std::uint64_t hash) {
  found_.clear();
  for (const Entry& entry : bucket(hash)) {
    if (entry.hash == hash) found_.push_back(entry.log_number);
  }
  Cursor row = find_.query(hash);
  while (row.next()) found_.push_back(row.number(0));
  return found_;
}

void IdIndex::keep(const Entry& entry) {
  bucket(entry.hash).push_back(entry);
  ++in_memory_;
  last_log_ = std::max(last_log_, entry.log_number);
}

void IdIndex::add(std::uint64_t hash, LogNumber log_number) {
  keep({hash, log_number});
  added_.push_back({hash, log_number});
}

void IdIndex::flush() {
  std::size_t to_move =
      in_memory_ > capacity_ ? std::min(in_memory_ - capacity_, kMovedPerAdded * added_.size()) : 0;
  for (std::size_t visited = 0; to_move > 0 && visited < kBuckets; ++visited) {
    to_move -= std::min(to_move, buckets_[sweep_.next_bucket].size());
    move_next_bucket();
  }
}

void IdIndex::move_next_bucket() {
  std::vector<Entry>& entries = buckets_[sweep_.next_bucket];
  std::sort(entries.begin(), entries.end());
  for (const Entry& entry : entries) insert_.execute(entry.hash, entry.log_number);
  moved_.push_back(sweep_.next_bucket);
  if (++sweep_.next_bucket < kBuckets) return;
  // Every bucket was visited since `from` was set, and what was added before then was in its bucket.
  set_indexed_.execute(sweep_.from);
  sweep_ = {.next_bucket = 0, .from = last_log_};
}

void IdIndex::committed() {
  for (const std::size_t moved : moved_) {
    in_memory_ -= buckets_[moved].size();
    buckets_[moved].clear();
  }
  moved_.clear();
  added_.clear();
  sweep_before_ = sweep_;
  last_log_before_ = last_log_;
}

void IdIndex::rolled_back() {
  for (const Entry& entry : added_) std::erase(bucket(entry.hash), entry);
  in_memory_ -= added_.size();
  moved_.clear();
  added_.clear();
  sweep_ = sweep_before_;
  last_log_ = last_log_before_;
}

}  // namespace duet::sqlite
