// client/push_registration.h: how this device is reached while it is away, as the push bridge is told it.
//
// Told after every connect, since neither broker nor bridge promise to keep it, and again with growing pauses
// while nobody takes it. A state machine without clock or network. Not synchronised.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client/retry.h"

namespace duet {

class PushRegistration {
 public:
  // `on_taken` is called once, when a bridge has it. Replaces the one before.
  void set(std::string payload, std::function<void()> on_taken, SteadyTime now);

  void connected(SteadyTime now);
  void disconnected();

  // What to publish now; answered() must follow.
  std::optional<std::string> due(SteadyTime now);
  void answered(bool accepted, SteadyTime now);
  // It was refused for now, after the broker had acknowledged it: MQTT 3.1.1 has no other way.
  void refused_for_now(SteadyTime now) { answered(false, now); }
  // It never will be taken: nothing is told any more until the next set().
  void refused_for_good();
  std::optional<SteadyTime> next_time() const { return due_; }

 private:
  std::optional<std::string> payload_;
  std::function<void()> on_taken_;
  bool open_ = false;
  std::optional<SteadyTime> due_;  // none: it is told, on its way, or there is no connection
  Delay delay_{kFirstRetry, kMaxRetry};
};

}  // namespace duet
