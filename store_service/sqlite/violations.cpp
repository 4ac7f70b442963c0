#include "store_service/sqlite/violations.h"

#include <utility>

namespace duet::sqlite {

Violations::Violations(Tell tell, std::size_t max_told, const Connection* names)
    : tell_(std::move(tell)), max_told_(max_told) {
  if (names == nullptr) return;
  find_users_.emplace(*names, "find the users of a conversation",
                      "SELECT a.name, b.name FROM conversations AS c JOIN users AS a ON a.id = c.user_a "
                      "JOIN users AS b ON b.id = c.user_b WHERE c.id = ?1");
}

void Violations::add(std::string_view law, const Place& place, const std::string& what) {
  if (count_++ >= max_told_) return;
  std::string line(law);
  line += ": ";
  if (const std::string where = describe(place); !where.empty()) line += where + ": ";
  tell_(line + what);
}

std::string Violations::describe(const Place& place) {
  std::string text;
  const auto append = [&text](const char* name, std::uint64_t number) {
    if (!text.empty()) text += ", ";
    text += name + std::to_string(number);
  };
  if (place.conversation) {
    append("conversation ", static_cast<std::uint64_t>(*place.conversation));
    text += users_of(*place.conversation);
  }
  if (place.seq) append("seq ", *place.seq);
  if (place.log_number) append("log number ", *place.log_number);
  return text;
}

std::string Violations::users_of(ConversationKey conversation) {
  if (!find_users_) return "";
  Cursor row = find_users_->query(conversation);
  if (!row.next()) return "";
  // What is damaged may not be a name, and must not reach a terminal.
  const auto shown = [&row](int column) {
    return UserId::valid(row.text(column)) ? std::string(row.text(column)) : "?";
  };
  return " (" + shown(0) + ", " + shown(1) + ")";
}

}  // namespace duet::sqlite
