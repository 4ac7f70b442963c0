#include "push_bridge/host_window.h"

#include <algorithm>

namespace duet {
namespace {

constexpr std::chrono::seconds kIdle{10};

// A connection on which nothing is answered any more, and which nobody closes.
constexpr int kTimeoutsOfADeadConnection = 3;

// A connection that ends after fewer answers ends for another reason.
constexpr std::size_t kFewestAnswers = 500;

}  // namespace

std::size_t HostWindow::limit(TimePoint now) const {
  const bool idle = taken_ == 0 && now - last_end_ > kIdle;
  return proven_ && !renew_ && !idle ? most_ : 1;
}

bool HostWindow::take(TimePoint now) {
  if (taken_ >= limit(now)) return false;
  ++taken_;
  if (taken_ == 1 && now - last_end_ > kIdle) proven_ = false;
  if (renew_) {
    renew_ = false;
    proven_ = false;
    anew_ = true;
    answers_ = 0;
  }
  return true;
}

bool HostWindow::starts_anew() {
  const bool anew = anew_;
  anew_ = false;
  return anew;
}

void HostWindow::give_back(End end, TimePoint now) {
  --taken_;
  last_end_ = now;
  timeouts_ = end == End::timeout ? timeouts_ + 1 : 0;
  if (end == End::success) proven_ = true;
  if (end == End::success || end == End::refusal) ++answers_;
  if (end == End::connection_failure) {
    proven_ = false;
    connection_ended();
  }
  if (timeouts_ >= kTimeoutsOfADeadConnection) {
    timeouts_ = 0;
    renew();
  }
  if (answers_ >= lasts_) renew();
}

void HostWindow::connection_ended() {
  if (answers_ >= kFewestAnswers) lasts_ = std::min(lasts_, answers_ / 5 * 4);
  answers_ = 0;
}

}  // namespace duet
