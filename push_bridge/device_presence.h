// push_bridge/device_presence.h: which devices are online, as the broker tells it.
//
// Pure. One thread owns it.
#pragma once

#include <optional>
#include <unordered_set>
#include <vector>

#include "protocol/names.h"
#include "protocol/service_payload.h"

namespace duet {

class DevicePresence {
 public:
  struct Change {
    Device device;
    bool online;
    friend bool operator==(const Change&, const Change&) = default;
  };

  bool online(const Device& device) const { return online_.contains(device); }
  // Whether all of it was heard since the last disconnected().
  bool known() const { return known_; }

  // Returns whether that is news.
  bool set(const Device& device, bool online);
  // A page of the broker's truth. A page of fewer than kServicePage devices is the last of its snapshot: then
  // every device that was in none of its pages, and said nothing since the first, is offline. Returns what is
  // news.
  std::vector<Change> apply(const PresenceSnapshot& page);
  // What was heard stands until the next snapshot.
  void disconnected();

 private:
  std::unordered_set<Device> online_;
  std::optional<std::unordered_set<Device>> snapshot_;  // online ones since its first page; none: not in one
  bool known_ = false;
};

}  // namespace duet
