// store_service/sqlite/conversation_cache.h: the conversations the writer works on.
//
// Rows are changed in memory and written once, when the transaction is about to commit: a burst of messages
// in one conversation costs one row. Used by the writer's thread.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/lru_cache.h"

namespace duet::sqlite {

class ConversationCache {
 public:
  struct Entry {
    ConversationRow row;
    bool stored = false;    // there is a row in the database
    bool changed = false;   // by this transaction
    bool accepted = false;  // by this transaction, of a stored row
    // Whether side i has blocked the other; nullopt: not asked yet.
    std::array<std::optional<bool>, 2> blocked{};
  };

  ConversationCache(const Connection& connection, std::size_t capacity);

  // Null: there is no such conversation. The pointer lives until the transaction ends.
  Entry* find(const UserPair& pair);
  Entry& find_or_create(const UserPair& pair);

  // Says that the row will be written, or, if the transaction is rolled back, that the entry is void.
  void change(Entry& entry);
  // A block between the two has changed.
  void forget_blocks(const UserPair& pair);

  // Whether this transaction has changed (or begun) a conversation of the user.
  bool changed_one_of(UserKey user) const;

  void flush();
  void committed();
  void rolled_back();

 private:
  void write(Entry& entry);

  Statement find_;
  Statement insert_;
  Statement update_;
  Statement accept_;
  LruCache<UserPair, Entry, UserPairHash> entries_;
  std::vector<Entry*> changed_;
  std::int64_t last_key_;       // given to a conversation
  std::int64_t committed_key_;  // of last_key_, what stands
};

}  // namespace duet::sqlite
