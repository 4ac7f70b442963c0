#include "push_bridge/channel.h"

namespace duet {

std::string_view to_string(Platform platform) {
  if (platform == Platform::fcm) return "fcm";
  return platform == Platform::apns ? "apns" : "webpush";
}

std::optional<Platform> parse_platform(std::string_view text) {
  for (const auto platform : {Platform::fcm, Platform::apns, Platform::webpush}) {
    if (text == to_string(platform)) return platform;
  }
  return std::nullopt;
}

std::string channel_name(Platform platform, std::string_view app) {
  return std::string(to_string(platform)) + "/" + std::string(app);
}

std::string channel_of(const Registration& registration) {
  return channel_name(platform_of(registration.target), registration.app);
}

}  // namespace duet
