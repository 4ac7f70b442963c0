// store_service/sqlite/violations.h: what a verification has found, line by line.
//
// Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sqlite/connection.h"
#include "store_service/sqlite/conversation_row.h"

namespace duet::sqlite {

// Where a law is broken, as far as that is known.
struct Place {
  std::optional<ConversationKey> conversation;
  std::optional<Seq> seq;
  std::optional<LogNumber> log_number;
};

class Violations {
 public:
  // Gets `LAW: PLACE: WHAT`, never a body or a message id.
  using Tell = std::function<void(const std::string& line)>;

  // At most `max_told` are told, the others counted. `names`: the database to ask for the users of a
  // conversation; nullptr: conversations are numbers alone. It must outlive this.
  Violations(Tell tell, std::size_t max_told, const Connection* names);

  void add(std::string_view law, const std::string& what) { add(law, {}, what); }
  void add(std::string_view law, const Place& place, const std::string& what);

  std::uint64_t count() const { return count_; }

 private:
  std::string describe(const Place& place);
  std::string users_of(ConversationKey conversation);

  const Tell tell_;
  const std::size_t max_told_;
  std::optional<Statement> find_users_;
  std::uint64_t count_ = 0;
};

}  // namespace duet::sqlite
