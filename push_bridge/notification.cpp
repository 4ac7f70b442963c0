#include "push_bridge/notification.h"

namespace duet {

Platform platform_of(const Target& target) {
  if (std::holds_alternative<FcmTarget>(target)) return Platform::fcm;
  if (std::holds_alternative<ApnsTarget>(target)) return Platform::apns;
  return Platform::webpush;
}

bool wants_preview(const Target& target) {
  if (const auto* fcm = std::get_if<FcmTarget>(&target)) return fcm->preview.has_value();
  if (const auto* apns = std::get_if<ApnsTarget>(&target)) return apns->preview.has_value();
  return std::get<WebPushTarget>(target).preview;
}

}  // namespace duet
