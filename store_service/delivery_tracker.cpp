#include "store_service/delivery_tracker.h"

#include <algorithm>

namespace duet {

void DeliveryTracker::restart() {
  const std::lock_guard lock(mutex_);
  ++session_;
  first_number_ = 0;
  in_flight_.clear();
  failed_ = false;
}

DeliveryTracker::Ticket DeliveryTracker::sent(LogNumber through) {
  const std::lock_guard lock(mutex_);
  const Ticket ticket{session_, first_number_ + in_flight_.size()};
  if (!failed_) in_flight_.push_back({through, false});
  return ticket;
}

void DeliveryTracker::settled(const Ticket& ticket, bool acknowledged) {
  {
    const std::lock_guard lock(mutex_);
    if (ticket.session != session_ || failed_) return;
    if (acknowledged) {
      in_flight_.at(ticket.number - first_number_).acknowledged = true;
    } else {
      failed_ = true;
      in_flight_.clear();
    }
    while (!in_flight_.empty() && in_flight_.front().acknowledged) {
      mark_ = std::max(mark_, in_flight_.front().through);
      in_flight_.pop_front();
      ++first_number_;
    }
  }
  settled_.notify_all();
}

LogNumber DeliveryTracker::mark() const {
  const std::lock_guard lock(mutex_);
  return mark_;
}

bool DeliveryTracker::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

bool DeliveryTracker::wait_for_room(std::size_t limit, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [&] { return failed_ || in_flight_.size() < limit; });
}

}  // namespace duet
