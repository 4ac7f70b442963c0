// store_service/confirmations.h: what the nodes have to be told of as committed, and when.
//
// A node that waits for a confirmation gathers records meanwhile (broker_plugin/feeder.h), so the time
// between two confirmations is what decides how many records share a frame and a transaction
// (docs/adr/0030-gathering.md). Not synchronised.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "protocol/frame.h"
#include "protocol/names.h"

namespace duet {

class Confirmations {
 public:
  using Clock = std::chrono::steady_clock;
  // The least time between two. A confirmation that comes later than that after the last one does not wait.
  static constexpr std::chrono::milliseconds kSpacing{2};

  // The store has the node's records up to `n`.
  void add(const NodeId& node, RecordNumber n) { waiting_[node] = n; }

  // When to call take(); nullopt: nothing waits.
  std::optional<Clock::time_point> due() const {
    return waiting_.empty() ? std::nullopt : std::optional(not_before_);
  }
  // What is to be told now.
  std::map<NodeId, RecordNumber> take(Clock::time_point now) {
    std::map<NodeId, RecordNumber> due;
    if (waiting_.empty() || now < not_before_) return due;
    due.swap(waiting_);
    not_before_ = now + kSpacing;
    return due;
  }
  // A new session begins with hello: what waits is told by its answer.
  void clear() { waiting_.clear(); }

 private:
  std::map<NodeId, RecordNumber> waiting_;
  Clock::time_point not_before_{};
};

}  // namespace duet
