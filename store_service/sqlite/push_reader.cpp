#include "store_service/sqlite/push_reader.h"

#include <array>
#include <string>
#include <utility>

#include "store_service/sqlite/page_builder.h"

namespace duet::sqlite {
namespace {

// What comes after ?1 in one of the log's tables, with the two users of each conversation.
std::string log_after(const std::string& columns, const std::string& table) {
  return "SELECT log_number, user_a, user_b, " + columns + " FROM " + table +
         " CROSS JOIN conversations ON id = conversation_id WHERE log_number > ?1 ORDER BY log_number "
         "LIMIT ?2";
}

// The unread messages of one side of the user's conversations, each by itself.
std::string unread_of(const std::string& me, const std::string& peer, int side) {
  const std::string unread = peer + "_sent - " + me + "_seen";
  return "SELECT " + unread + " AS unread FROM conversations AS c WHERE user_" + me + " = ?1 AND " + unread +
         " > 0 AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = c.user_" + peer +
         ") AND NOT EXISTS (SELECT 1 FROM mutes AS m WHERE m.conversation_id = c.id AND m.side = " +
         std::to_string(side) + " AND (m.until IS NULL OR m.until > ?2))";
}

}  // namespace

PushReader::PushReader(const Connection& c, UserTable& users)
    : users_(users),
      messages_(c, "read messages for push", log_after("sender, seq, message_id, ts", "messages")),
      receipts_(c, "read receipts for push",
                log_after("side, a_delivered, a_read, b_delivered, b_read", "receipts")),
      device_receipts_(c, "read device receipts for push",
                       log_after("side, delivered, read, device", "device_receipts")),
      find_mute_(c, "look up a mute", "SELECT until FROM mutes WHERE conversation_id = ?1 AND side = ?2"),
      badge_(c, "count unread messages",
             "SELECT coalesce(sum(unread), 0) FROM (" + unread_of("a", "b", 0) + " UNION ALL " +
                 unread_of("b", "a", 1) + ")") {}

PushEvent PushReader::message_of(const Cursor& row) {
  UserId from = users_.name(row.key<UserKey>(1));
  UserId to = users_.name(row.key<UserKey>(2));
  if (row.integer(3) != 0) std::swap(from, to);
  return PushMessage{row.number(0), std::move(from),        std::move(to),
                     row.number(4), row.name<MessageId>(5), row.time(6)};
}

PushEvent PushReader::receipt_of(const Cursor& row) {
  const bool by_a = row.integer(3) == 0;
  return PushReceipt{row.number(0),
                     users_.name(row.key<UserKey>(by_a ? 1 : 2)),
                     users_.name(row.key<UserKey>(by_a ? 2 : 1)),
                     row.number(by_a ? 4 : 6),
                     row.number(by_a ? 5 : 7),
                     std::nullopt};
}

PushEvent PushReader::device_receipt_of(const Cursor& row) {
  const bool by_a = row.integer(3) == 0;
  return PushReceipt{row.number(0),
                     users_.name(row.key<UserKey>(by_a ? 1 : 2)),
                     users_.name(row.key<UserKey>(by_a ? 2 : 1)),
                     row.number(4),
                     row.number(5),
                     row.name<DeviceId>(6)};
}

Page<PushEvent> PushReader::feed(LogNumber after, std::size_t limit, std::size_t max_bytes) {
  // One more than fits, to know that there is more.
  Cursor messages = messages_.query(after, limit + 1);
  Cursor receipts = receipts_.query(after, limit + 1);
  Cursor device_receipts = device_receipts_.query(after, limit + 1);
  struct Source {
    Cursor* rows;
    PushEvent (PushReader::*read)(const Cursor&);
    bool live;
  };
  std::array<Source, 3> sources{{{&messages, &PushReader::message_of, messages.next()},
                                 {&receipts, &PushReader::receipt_of, receipts.next()},
                                 {&device_receipts, &PushReader::device_receipt_of, device_receipts.next()}}};
  PageBuilder<PushEvent> builder(limit, max_bytes);
  while (true) {
    Source* first = nullptr;
    for (Source& source : sources) {
      if (!source.live) continue;
      if (first == nullptr || source.rows->number(0) < first->rows->number(0)) first = &source;
    }
    if (first == nullptr) break;
    PushEvent event = (this->*first->read)(*first->rows);
    const std::size_t bytes = max_size_on_page(event);
    if (!builder.add(std::move(event), bytes)) break;
    first->live = first->rows->next();
  }
  return builder.take();
}

std::optional<Mute> PushReader::mute(ConversationKey conversation, Side side) {
  Cursor row = find_mute_.query(conversation, side);
  if (!row.next()) return std::nullopt;
  return Mute{row.null(0) ? std::nullopt : std::optional(row.time(0))};
}

std::uint64_t PushReader::badge(UserKey user, Timestamp now) {
  Cursor row = badge_.query(user, now);
  return row.next() ? row.number(0) : 0;
}

}  // namespace duet::sqlite
