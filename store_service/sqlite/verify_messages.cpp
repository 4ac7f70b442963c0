#include <limits>
#include <string>

#include "protocol/json_codec.h"
#include "protocol/payload.h"
#include "store_service/sqlite/id_index.h"
#include "store_service/sqlite/verify_parts.h"

namespace duet::sqlite {
namespace {

constexpr std::size_t kAnySize = std::numeric_limits<std::size_t>::max();
constexpr PayloadLimits kAnyLimits{
    .body_bytes = kAnySize, .message_payload_bytes = kAnySize, .other_payload_bytes = kAnySize};

// Written and read again as a payload: there is one place that knows what a message may be.
bool is_sendable(const std::string& body, const std::string& type) {
  if (!is_utf8(body) || !is_utf8(type)) return false;
  const auto parsed =
      parse_message(format_message({.id = std::nullopt, .body = body, .type = type}), kAnyLimits);
  return parsed && parsed->body == body && parsed->type == type;
}

// Every message in the index, with its right hash, up to where the index is said to be complete.
void verify_indexed(const Connection& connection, Violations& violations) {
  const SipKey key = read_hash_key(connection);
  const LogNumber indexed = ids_indexed(connection);
  Statement all(connection, "read the message ids",
                "SELECT log_number, conversation_id, seq, sender, message_id FROM messages "
                "WHERE log_number <= ?1 ORDER BY log_number");
  Statement find(connection, "find an indexed id",
                 "SELECT 1 FROM message_ids WHERE id_hash = ?1 AND log_number = ?2");
  Cursor row = all.query(indexed);
  while (row.next()) {
    const auto conversation = row.key<ConversationKey>(1);
    const Side sender = row.integer(3) == 0 ? Side::a : Side::b;
    const std::uint64_t hash = id_hash(key, conversation, sender, row.text(4));
    if (find.query(hash, row.number(0)).next()) continue;
    violations.add("ids", {conversation, row.number(2), row.number(0)}, "not in the index of message ids");
  }
}

// Every row of the index names a message that has this hash.
void verify_index(const Connection& connection, Violations& violations) {
  const SipKey key = read_hash_key(connection);
  Statement all(connection, "read the index of message ids",
                "SELECT i.id_hash, i.log_number, m.conversation_id, m.sender, m.message_id "
                "FROM message_ids AS i LEFT JOIN messages AS m ON m.log_number = i.log_number");
  Cursor row = all.query();
  while (row.next()) {
    if (row.null(2)) {
      violations.add("ids", {{}, {}, row.number(1)}, "the index names a message that is not there");
      continue;
    }
    const auto conversation = row.key<ConversationKey>(2);
    const Side sender = row.integer(3) == 0 ? Side::a : Side::b;
    if (row.number(0) != id_hash(key, conversation, sender, row.text(4))) {
      violations.add("ids", {conversation, {}, row.number(1)}, "another hash in the index of message ids");
    }
  }
}

void verify_once(const Connection& connection, Violations& violations) {
  Statement all(connection, "compare the message ids",
                "SELECT conversation_id, sender, message_id, seq, log_number FROM messages "
                "ORDER BY conversation_id, sender, message_id, log_number");
  Cursor row = all.query();
  std::int64_t conversation = 0;
  std::int64_t sender = -1;
  std::string id;
  while (row.next()) {
    if (row.integer(0) == conversation && row.integer(1) == sender && row.text(2) == id) {
      violations.add("once", {row.key<ConversationKey>(0), row.number(3), row.number(4)},
                     "the sender's message id is stored before");
    }
    conversation = row.integer(0);
    sender = row.integer(1);
    id = row.text(2);
  }
}

}  // namespace

void verify_contents(const Connection& connection, Violations& violations) {
  Statement all(connection, "read the messages",
                "SELECT log_number, conversation_id, seq, message_id, type, body FROM messages "
                "ORDER BY log_number");
  Cursor row = all.query();
  while (row.next()) {
    const Place place{row.key<ConversationKey>(1), row.number(2), row.number(0)};
    if (row.integer(0) < 1) violations.add("log", place, "not a log number");
    if (!MessageId::valid(row.text(3))) violations.add("names", place, "the message id is no message id");
    const std::string type(row.null(4) ? kDefaultMessageType : row.text(4));
    if (!is_sendable(std::string(row.text(5)), type)) {
      violations.add("content", place, "a body or type that the protocol does not let in");
    }
  }
}

void verify_ids(const Connection& connection, Violations& violations) {
  verify_once(connection, violations);
  verify_indexed(connection, violations);
  verify_index(connection, violations);
}

}  // namespace duet::sqlite
