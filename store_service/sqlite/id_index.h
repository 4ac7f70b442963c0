// store_service/sqlite/id_index.h: finds a message by (conversation, sender, message id).
//
// A tree on ids is written all over: each message would cost a page of its own. So the newest ids are kept in
// memory, in buckets by hash, and moved to the table `message_ids` bucket by bucket, neighbours together. The
// memory needs no log: the messages themselves are one, and meta.ids_indexed says where to read on from.
//
// Used by the writer's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"
#include "store_service/sqlite/sip_hash.h"

namespace duet::sqlite {

// meta.hash_key. Throws StoreError.
SipKey read_hash_key(const Connection& connection);
// meta.ids_indexed: every message up to this log number is in the table.
LogNumber ids_indexed(const Connection& connection);
// What stands in message_ids for the message of this sender with this id. Stored: must never change.
std::uint64_t id_hash(const SipKey& key, ConversationKey conversation, Side sender, std::string_view id);

class IdIndex {
 public:
  // Reads the messages whose ids may not be in the table yet. Keeps about `capacity` ids in memory.
  IdIndex(const Connection& connection, std::size_t capacity);

  std::uint64_t hash(ConversationKey conversation, Side sender, const MessageId& id) const {
    return id_hash(key_, conversation, sender, id);
  }

  // Log numbers of the messages with this hash. Two ids may have one hash: the caller looks at the messages.
  const std::vector<LogNumber>& find(std::uint64_t hash);
  void add(std::uint64_t hash, LogNumber log_number);

  // Before the commit: moves a share to the table when the memory is full.
  void flush();
  void committed();
  void rolled_back();

  std::size_t in_memory() const { return in_memory_; }

 private:
  static constexpr std::size_t kBuckets = 4096;

  struct Entry {
    std::uint64_t hash;
    LogNumber log_number;
    friend auto operator<=>(const Entry&, const Entry&) = default;  // NOLINT(modernize-use-nullptr): its 0
  };
  // Where the sweep over the buckets is. A sweep that ends has moved everything up to `from`.
  struct Sweep {
    std::size_t next_bucket = 0;
    LogNumber from = 0;
  };

  std::vector<Entry>& bucket(std::uint64_t hash) { return buckets_[hash >> 52]; }
  void load(const Connection& connection);
  void keep(const Entry& entry);
  void move_next_bucket();

  const std::size_t capacity_;
  SipKey key_{};
  Statement find_;
  Statement insert_;
  Statement set_indexed_;
  std::array<std::vector<Entry>, kBuckets> buckets_;
  std::size_t in_memory_ = 0;
  LogNumber last_log_ = 0;  // the highest that was added
  Sweep sweep_;
  std::vector<LogNumber> found_;  // of the last find()

  // State below belongs to the open transaction.
  std::vector<Entry> added_;
  std::vector<std::size_t> moved_;  // buckets that are in the table when it commits
  Sweep sweep_before_;
  LogNumber last_log_before_ = 0;
};

}  // namespace duet::sqlite
