#include "store_service/sqlite/conversation_row.h"

#include <algorithm>
#include <cassert>
#include <functional>

#include "protocol/payload.h"
#include "store_service/sqlite/little_endian.h"

namespace duet::sqlite {

UserPair pair_of(UserKey one, UserKey other) {
  return one < other ? UserPair{{one, other}} : UserPair{{other, one}};
}

std::size_t UserPairHash::operator()(const UserPair& pair) const noexcept {
  // Keys are small and dense: a multiplication spreads them.
  const auto a = static_cast<std::uint64_t>(pair.users[0]);
  const auto b = static_cast<std::uint64_t>(pair.users[1]);
  return std::hash<std::uint64_t>()((a << 32 ^ b) * 0x9e3779b97f4a7c15);
}

const std::string kConversationColumns =
    "id, user_a, user_b, last_seq, last_log, last_ts, "
    "a_sent, a_delivered, a_read, a_seen, a_receipt_log, "
    "b_sent, b_delivered, b_read, b_seen, b_receipt_log, tail, awaits";

ConversationRow read_conversation(const Cursor& row) {
  const auto side_at = [&row](int column) {
    return ConversationRow::SideState{.sent = row.number(column),
                                      .marks = {row.number(column + 1), row.number(column + 2)},
                                      .seen = row.number(column + 3),
                                      .receipt_log = row.number(column + 4)};
  };
  return {.key = row.key<ConversationKey>(0),
          .pair = {{row.key<UserKey>(1), row.key<UserKey>(2)}},
          .last_seq = row.number(3),
          .last_log = row.number(4),
          .last_ts = row.time(5),
          .sides = {side_at(6), side_at(11)},
          .tail = decode_logs(row.blob(16)),
          .awaits = row.null(17) ? std::nullopt : std::optional(row.integer(17) == 0 ? Side::a : Side::b)};
}

std::string encode_logs(const std::vector<LogNumber>& logs) {
  std::string bytes;
  bytes.reserve(logs.size() * 8);
  for (const LogNumber log_number : logs) append_u64(bytes, log_number);
  return bytes;
}

std::vector<LogNumber> decode_logs(std::string_view bytes) {
  std::vector<LogNumber> logs;
  logs.reserve(kSeqBlock);
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) logs.push_back(load_u64(bytes));
  return logs;
}

const std::string kMessageColumns =
    "log_number, conversation_id, seq, sender, sender_count, message_id, ts, type, body";

MessageRow read_message(const Cursor& row) {
  return {.log_number = row.number(0),
          .conversation = row.key<ConversationKey>(1),
          .seq = row.number(2),
          .sender = row.integer(3) == 0 ? Side::a : Side::b,
          .sender_count = row.number(4),
          .id = row.name<MessageId>(5),
          .ts = row.time(6),
          .type = std::string(row.null(7) ? kDefaultMessageType : row.text(7)),
          .body = std::string(row.text(8))};
}

Envelope envelope_of(MessageRow message, UserId from, UserId to) {
  return {.seq = message.seq,
          .id = std::move(message.id),
          .from = std::move(from),
          .to = std::move(to),
          .ts = message.ts,
          .type = std::move(message.type),
          .body = std::move(message.body),
          .cursor = {},
          .duplicate = false};
}

SeqIndex::SeqIndex(const Connection& connection)
    : connection_(connection),
      find_block_(connection, "find a message by seq",
                  "SELECT logs FROM seq_blocks WHERE conversation_id = ?1 AND block = ?2") {}

const std::vector<LogNumber>& SeqIndex::block(const ConversationRow& row, std::uint64_t number) {
  if (number == row.last_seq / kSeqBlock) return row.tail;
  if (!kept_.empty() && kept_conversation_ == row.key && kept_number_ == number) return kept_;
  kept_.clear();
  Cursor found = find_block_.query(row.key, number);
  if (found.next()) kept_ = decode_logs(found.blob(0));
  if (kept_.size() != kSeqBlock) {
    connection_.damaged("block " + std::to_string(number) + " of conversation " +
                        std::to_string(static_cast<std::int64_t>(row.key)) + " is missing");
  }
  kept_conversation_ = row.key;
  kept_number_ = number;
  return kept_;
}

LogNumber SeqIndex::log_of(const ConversationRow& row, Seq seq) {
  assert(seq >= 1 && seq <= row.last_seq);
  return block(row, (seq - 1) / kSeqBlock)[(seq - 1) % kSeqBlock];
}

Seq SeqIndex::first_after(const ConversationRow& row, LogNumber log_number) {
  if (row.last_log <= log_number) return row.last_seq + 1;
  // Steps back from the end in growing strides, because what is asked for is mostly recent, then halves.
  // Invariant: the message at `high` is after log_number, that at `low` is not (0: before the first).
  Seq high = row.last_seq;
  Seq low = high - 1;
  for (Seq stride = 1; low > 0 && log_of(row, low) > log_number; stride *= 2) {
    high = low;
    low = high > stride ? high - stride : 0;
  }
  while (high - low > 1) {
    const Seq middle = low + (high - low) / 2;
    (log_of(row, middle) > log_number ? high : low) = middle;
  }
  return high;
}

}  // namespace duet::sqlite
