// tests/contract/model.h: a store that is too simple to be wrong, to compare real ones with.
#pragma once

#include <map>
#include <vector>

#include "store_service/store.h"

namespace duet {

// A value: a copy is a transaction, assigning it back is its commit.
class Model {
 public:
  Appended append(const NewMessage& message);
  RaisedMarks raise_marks(const UserId& by, const UserId& peer, const Marks& marks);

  std::vector<Envelope> history(const UserId& one, const UserId& other) const;  // all, ascending
  std::vector<StoreReader::SummaryItem> conversations(const UserId& me) const;  // all, newest first
  std::vector<Change> changes(const UserId& me, LogNumber after) const;         // all, ascending
  std::vector<std::pair<LogNumber, std::variant<Envelope, Receipt>>> log(LogNumber after) const;
  LogNumber last_log_number() const { return last_log_; }

 private:
  struct Mark {
    Marks marks;
    LogNumber log_number = 0;
  };
  using Direction = std::pair<UserId, UserId>;  // whose marks, about messages with whom

  Marks marks_of(const UserId& by, const UserId& peer) const;

  std::vector<StoredMessage> messages_;  // in log order
  std::map<Direction, Mark> marks_;
  LogNumber last_log_ = 0;
};

}  // namespace duet
