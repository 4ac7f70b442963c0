#include "client/push_registration.h"

#include <utility>

namespace duet {

void PushRegistration::set(std::string payload, std::function<void()> on_taken, SteadyTime now) {
  payload_ = std::move(payload);
  on_taken_ = std::move(on_taken);
  delay_ = Delay(kFirstRetry, kMaxRetry);
  if (open_) due_ = now;
}

void PushRegistration::connected(SteadyTime now) {
  open_ = true;
  delay_ = Delay(kFirstRetry, kMaxRetry);
  if (payload_) due_ = now;
}

void PushRegistration::disconnected() {
  open_ = false;
  due_.reset();
}

std::optional<std::string> PushRegistration::due(SteadyTime now) {
  if (!due_ || *due_ > now) return std::nullopt;
  due_.reset();
  return payload_;
}

void PushRegistration::answered(bool accepted, SteadyTime now) {
  if (!accepted) {
    if (open_ && payload_) due_ = now + delay_.next();
  } else if (const auto taken = std::exchange(on_taken_, nullptr)) {
    taken();
  }
}

void PushRegistration::refused_for_good() {
  payload_.reset();
  on_taken_ = nullptr;
  due_.reset();
}

}  // namespace duet
