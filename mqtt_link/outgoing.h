// mqtt_link/outgoing.h: messages that wait for the broker's acknowledgement, or for their turn to be sent.
//
// Not synchronised: the link's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mqtt_link/link.h"

namespace duet {

class Outgoing {
 public:
  using Done = std::function<void(bool)>;
  static constexpr std::size_t kMaxPending = 10'000;
  // A broker reads one packet of each connection in a turn: more would not get them there sooner.
  static constexpr std::size_t kBulkWindow = 16;

  struct Numbered {
    std::uint64_t number;
    Link::Publish message;
  };

  bool empty() const { return pending_.empty(); }
  std::size_t sent() const { return sent_; }  // and not finished
  bool full() const { return pending_.size() >= kMaxPending; }
  void add(Link::Publish message, Done done);

  // At most that many messages are sent and not finished.
  void set_window(std::size_t window) { window_ = window; }
  bool ready() const { return sent_ < window_ && (!waiting_.empty() || bulk_ready()); }
  // The next message to send (Link::Lane says which); nullopt unless ready().
  std::optional<Numbered> next();

  // Takes a sent message out; nullopt when it is not known (any more).
  std::optional<Done> finish(std::uint64_t number);
  // Takes all out, oldest first.
  std::vector<Done> take_all();

 private:
  struct Pending {
    Done done;
    Link::Lane lane;
  };

  bool bulk_ready() const { return !waiting_bulk_.empty() && sent_bulk_ < kBulkWindow; }

  std::size_t window_ = 1;
  std::size_t sent_ = 0;  // of both lanes
  std::size_t sent_bulk_ = 0;
  std::uint64_t last_number_ = 0;
  std::deque<Numbered> waiting_;
  std::deque<Numbered> waiting_bulk_;
  std::unordered_map<std::uint64_t, Pending> pending_;  // the waiting and the sent
};

}  // namespace duet
