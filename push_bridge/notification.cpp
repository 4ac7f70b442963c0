#include "push_bridge/notification.h"

namespace duet {

Platform platform_of(const Target& target) {
  if (std::holds_alternative<FcmTarget>(target)) return Platform::fcm;
  if (std::holds_alternative<ApnsTarget>(target)) return Platform::apns;
  return Platform::webpush;
}

}  // namespace duet
