#include "store_service/sqlite/conversation_cache.h"

#include <algorithm>

namespace duet::sqlite {
namespace {

std::int64_t highest_key(const Connection& connection) {
  Statement statement(connection, "find the last conversation",
                      "SELECT coalesce(max(id), 0) FROM conversations");
  Cursor row = statement.query();
  return row.next() ? row.integer(0) : 0;
}

}  // namespace

ConversationCache::ConversationCache(const Connection& connection, std::size_t capacity)
    : find_(connection, "find a conversation",
            "SELECT " + kConversationColumns + " FROM conversations WHERE user_a = ?1 AND user_b = ?2"),
      insert_(
          connection, "create a conversation",
          "INSERT INTO conversations (" + kConversationColumns +
              ") VALUES (?1, ?16, ?17, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?18)"),
      update_(
          connection, "update a conversation",
          "UPDATE conversations SET last_seq = ?2, last_log = ?3, last_ts = ?4, a_sent = ?5, "
          "a_delivered = ?6, a_read = ?7, a_seen = ?8, a_receipt_log = ?9, b_sent = ?10, b_delivered = ?11, "
          "b_read = ?12, b_seen = ?13, b_receipt_log = ?14, tail = ?15 WHERE id = ?1"),
      // By itself, so that no other change of a row looks at the index of those that wait.
      accept_(connection, "accept a conversation", "UPDATE conversations SET awaits = NULL WHERE id = ?1"),
      entries_(capacity),
      last_key_(highest_key(connection)),
      committed_key_(last_key_) {}

ConversationCache::Entry* ConversationCache::find(const UserPair& pair) {
  if (Entry* known = entries_.find(pair)) return known;
  Cursor row = find_.query(pair.users[0], pair.users[1]);
  if (!row.next()) return nullptr;
  return &entries_.insert(pair, Entry{.row = read_conversation(row), .stored = true});
}

ConversationCache::Entry& ConversationCache::find_or_create(const UserPair& pair) {
  if (Entry* known = find(pair)) return *known;
  ConversationRow row;
  row.key = ConversationKey{++last_key_};
  row.pair = pair;
  Entry& entry = entries_.insert(pair, Entry{.row = std::move(row)});
  change(entry);
  return entry;
}

void ConversationCache::change(Entry& entry) {
  if (entry.changed) return;
  entry.changed = true;
  changed_.push_back(&entry);
}

void ConversationCache::forget_blocks(const UserPair& pair) {
  if (Entry* known = entries_.find(pair)) {
    known->blocked = {};
  }
}

bool ConversationCache::changed_one_of(UserKey user) const {
  return std::any_of(changed_.begin(), changed_.end(), [user](const Entry* entry) {
    return entry->row.pair.users[0] == user || entry->row.pair.users[1] == user;
  });
}

void ConversationCache::flush() {
  // In the order of the table, so that a page is visited once.
  std::sort(changed_.begin(), changed_.end(),
            [](const Entry* one, const Entry* other) { return one->row.key < other->row.key; });
  for (Entry* entry : changed_) write(*entry);
}

void ConversationCache::write(Entry& entry) {
  const ConversationRow& row = entry.row;
  const auto& a = row.sides[0];
  const auto& b = row.sides[1];
  const std::string tail = encode_logs(row.tail);
  const auto run = [&](Statement& statement, const auto&... more) {
    statement.execute(row.key, row.last_seq, row.last_log, row.last_ts, a.sent, a.marks.delivered,
                      a.marks.read, a.seen, a.receipt_log, b.sent, b.marks.delivered, b.marks.read, b.seen,
                      b.receipt_log, Blob{tail}, more...);
  };
  if (entry.stored) {
    run(update_);
    if (entry.accepted) accept_.execute(row.key);
  } else {
    run(insert_, row.pair.users[0], row.pair.users[1], row.awaits);
  }
}

void ConversationCache::committed() {
  for (Entry* entry : changed_) {
    entry->stored = true;
    entry->changed = false;
    entry->accepted = false;
  }
  changed_.clear();
  committed_key_ = last_key_;
  entries_.trim();
}

void ConversationCache::rolled_back() {
  changed_.clear();
  entries_.clear();
  last_key_ = committed_key_;
}

}  // namespace duet::sqlite
