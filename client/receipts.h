// client/receipts.h: the marks of every conversation, and when which receipt is published.
//
// A state machine without clock, disk or network. Not synchronised.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "client/marks.h"
#include "client/retry.h"
#include "protocol/envelope.h"
#include "protocol/names.h"
#include "protocol/payload.h"

namespace duet {

class Receipts {
 public:
  explicit Receipts(std::map<UserId, PeerMarks> marks);

  // The application has been told of every message up to `seq`.
  void set_seen(const UserId& peer, Seq seq);
  // The store has another history, with these marks; what was said about messages after `store.seen` counts
  // no more, and what the store has forgotten of the others is told it again.
  void rewind(const UserId& peer, PeerMarks store);
  // The peer shall know.
  void want_delivered(const UserId& peer, Seq seq);
  void want_read(const UserId& peer, Seq seq);

  // Somebody's marks, as the store tells them. Returns whether they have risen.
  bool raise(const UserId& me, const UserId& peer, const Receipt& receipt);

  // Only from open() to close() receipts are due.
  void open() { open_ = true; }
  void close();

  struct Due {
    UserId peer;
    ReceiptPayload payload;
  };
  // What to publish now. Each must be answered, or the connection closed. Cumulative, so at most one per peer
  // is on its way.
  std::vector<Due> due(SteadyTime now);
  std::optional<SteadyTime> next_time() const;
  // Whether some receipt is due, on its way or to be tried again.
  bool telling() const { return open_ && !sending_.empty(); }
  void answered(const Due& due, bool accepted, SteadyTime now);
  // An error event named the receipts to `peer`.
  void refused(const UserId& peer, const ErrorEvent& error, SteadyTime now);

  // What has changed since the last call, to be saved.
  std::map<UserId, PeerMarks> take_changed();
  const std::map<UserId, PeerMarks>& marks() const { return marks_; }

 private:
  struct Sending {
    bool on_its_way = false;
    SteadyTime at{};
    Delay retry{kFirstRetry, kMaxRetry};
  };
  PeerMarks& change(const UserId& peer);

  bool open_ = false;
  std::map<UserId, PeerMarks> marks_;
  std::map<UserId, Sending> sending_;  // of the peers whose store does not know yet
  std::map<UserId, PeerMarks> changed_;
};

}  // namespace duet
