// store_service/sqlite/conversation_row.h: a row of `conversations`, and the way from seq to log number.
//
// Invariants: last_seq = sides[0].sent + sides[1].sent; tail holds the log numbers of the last
// last_seq % kSeqBlock messages; each full block of kSeqBlock is a row of seq_blocks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/connection.h"
#include "store_service/store.h"

namespace duet::sqlite {

enum class UserKey : std::int64_t {};
enum class ConversationKey : std::int64_t {};

// The two users of a conversation by key, the smaller first.
struct UserPair {
  std::array<UserKey, 2> users;
  friend bool operator==(const UserPair&, const UserPair&) = default;
};
UserPair pair_of(UserKey one, UserKey other);
struct UserPairHash {
  std::size_t operator()(const UserPair& pair) const noexcept;
};

// Which of the two: an index into UserPair::users and ConversationRow::sides. On disk: do not renumber.
enum class Side : std::uint8_t { a = 0, b = 1 };
constexpr std::size_t index_of(Side side) {
  return static_cast<std::size_t>(side);
}
constexpr Side other_side(Side side) {
  return side == Side::a ? Side::b : Side::a;
}

// On disk: must never change.
constexpr std::size_t kSeqBlock = 16;

struct ConversationRow {
  struct SideState {
    std::uint64_t sent = 0;  // messages by this side
    Marks marks;
    std::uint64_t seen = 0;  // messages by the other side up to marks.read
    LogNumber receipt_log = 0;
  };

  ConversationKey key{};
  UserPair pair{};
  Seq last_seq = 0;
  LogNumber last_log = 0;
  Timestamp last_ts{};
  std::array<SideState, 2> sides{};
  std::vector<LogNumber> tail;
  std::optional<Side> awaits;  // whose consent; the marks of that side are withheld from the other

  Side side_of(UserKey user) const { return user == pair.users[0] ? Side::a : Side::b; }
  UserKey user(Side side) const { return pair.users[index_of(side)]; }
  SideState& side(Side which) { return sides[index_of(which)]; }
  const SideState& side(Side which) const { return sides[index_of(which)]; }
  // As `which` sees it.
  Consent consent(Side which) const {
    if (!awaits) return Consent::given;
    return *awaits == which ? Consent::waits_for_me : Consent::waits_for_peer;
  }
  // Messages of the other side that `which` has not read.
  std::uint64_t unread(Side which) const { return side(other_side(which)).sent - side(which).seen; }
};

// The columns of `conversations` in the order read_conversation takes them, for SELECT and INSERT.
extern const std::string kConversationColumns;
ConversationRow read_conversation(const Cursor& row);

std::string encode_logs(const std::vector<LogNumber>& logs);
std::vector<LogNumber> decode_logs(std::string_view bytes);

// A row of `messages`.
struct MessageRow {
  LogNumber log_number;
  ConversationKey conversation;
  Seq seq;
  Side sender;
  std::uint64_t sender_count;  // messages of this sender up to this one
  MessageId id;
  Timestamp ts;
  std::string type;
  std::string body;
};
extern const std::string kMessageColumns;
MessageRow read_message(const Cursor& row);
Envelope envelope_of(MessageRow message, UserId from, UserId to);

// Finds messages of a conversation by seq. Keeps the last block it read.
class SeqIndex {
 public:
  explicit SeqIndex(const Connection& connection);

  // Precondition: 1 <= seq <= last_seq.
  LogNumber log_of(const ConversationRow& row, Seq seq);
  // The first seq with a log number > `log_number`; last_seq + 1 when there is none.
  Seq first_after(const ConversationRow& row, LogNumber log_number);
  // Must be called when a transaction was rolled back: what it kept may not be true.
  void forget() { kept_.clear(); }

 private:
  const std::vector<LogNumber>& block(const ConversationRow& row, std::uint64_t number);

  const Connection& connection_;
  Statement find_block_;
  ConversationKey kept_conversation_{};
  std::uint64_t kept_number_ = 0;
  std::vector<LogNumber> kept_;  // empty: none
};

}  // namespace duet::sqlite
