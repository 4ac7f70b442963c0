#include "push_bridge/device_presence.h"

#include <utility>

namespace duet {

bool DevicePresence::set(const Device& device, bool online) {
  if (online) {
    if (snapshot_) snapshot_->insert(device);
    return online_.insert(device).second;
  }
  if (snapshot_) snapshot_->erase(device);
  return online_.erase(device) == 1;
}

std::vector<DevicePresence::Change> DevicePresence::apply(const PresenceSnapshot& page) {
  std::vector<Change> changes;
  if (page.reset) snapshot_.emplace();
  for (const auto& device : page.online) {
    if (set(device, true)) changes.push_back({device, true});
  }
  if (!snapshot_ || page.online.size() >= kServicePage) return changes;
  auto now = *std::exchange(snapshot_, std::nullopt);
  for (const auto& device : online_) {
    if (!now.contains(device)) changes.push_back({device, false});
  }
  online_ = std::move(now);
  known_ = true;
  return changes;
}

void DevicePresence::disconnected() {
  snapshot_.reset();
  known_ = false;
}

}  // namespace duet
