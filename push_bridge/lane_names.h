// push_bridge/lane_names.h: which pushes wait together.
//
// What goes to one push service waits in a lane of its own, so that a service that is down holds up no other:
// "fcm/shop", "apns/shop"; of Web Push one for each entry of an app's allowed hosts,
// "webpush/shop@push.services.mozilla.com". What is posted to none of them is in "webpush/shop".
// A value: const access from several threads is safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "push_bridge/notification.h"
#include "push_bridge/webpush_endpoint.h"

namespace duet {

class LaneNames {
 public:
  // By channel_name(), of those that have several; the others have one lane.
  explicit LaneNames(std::map<std::string, AllowedHosts> hosts = {}) : hosts_(std::move(hosts)) {}

  // Of a channel, its own first.
  std::vector<std::string> all_of(const std::string& channel) const;
  // Where pushes to the target wait. The endpoint counts for Web Push alone.
  std::string of(const std::string& channel, std::string_view endpoint) const;
  std::string of(const Registration& registration) const;

 private:
  std::map<std::string, AllowedHosts> hosts_;
};

}  // namespace duet
