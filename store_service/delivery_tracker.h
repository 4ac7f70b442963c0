// store_service/delivery_tracker.h: which changes are known to have reached the broker.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "store_service/store.h"

namespace duet {

// Deliver frames are acknowledged in any order; the mark is the place up to which all are. What is beyond it
// is delivered again on the next connection. Thread-safe: the writer sends, Paho's thread settles.
class DeliveryTracker {
 public:
  struct Ticket {
    std::uint64_t session;
    std::uint64_t number;
  };

  explicit DeliveryTracker(LogNumber mark) : mark_(mark) {}

  // A new connection: frames of the one before do not count any more.
  void restart();

  // A frame is about to be sent. `through` as in DeliverFrame.
  Ticket sent(LogNumber through);
  // The broker has acknowledged the frame, or it is lost: then the mark stands still until restart().
  void settled(const Ticket& ticket, bool acknowledged);

  LogNumber mark() const;
  // Whether a frame was lost since restart().
  bool failed() const;

  // Waits until fewer than `limit` frames are unsettled (or one was lost). False: not within `patience`.
  bool wait_for_room(std::size_t limit, std::chrono::milliseconds patience);

 private:
  struct Entry {
    LogNumber through;
    bool acknowledged;
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable settled_;
  std::deque<Entry> in_flight_;     // in the order they were sent
  std::uint64_t first_number_ = 0;  // of in_flight_.front()
  std::uint64_t session_ = 0;
  LogNumber mark_;
  bool failed_ = false;
};

}  // namespace duet
