#include "push_bridge/lane_names.h"

#include "push_bridge/channel.h"

namespace duet {
namespace {

std::string lane_name(const std::string& channel, const std::string& service) {
  return channel + "@" + service;
}

}  // namespace

std::vector<std::string> LaneNames::all_of(const std::string& channel) const {
  std::vector<std::string> all{channel};
  const auto hosts = hosts_.find(channel);
  if (hosts == hosts_.end()) return all;
  for (const auto& entry : hosts->second.entries()) all.push_back(lane_name(channel, entry));
  return all;
}

std::string LaneNames::of(const std::string& channel, std::string_view endpoint) const {
  const auto hosts = hosts_.find(channel);
  if (hosts == hosts_.end()) return channel;
  const auto allowed = hosts->second.allow(endpoint);
  return allowed ? lane_name(channel, allowed->entry) : channel;
}

std::string LaneNames::of(const Registration& registration) const {
  const auto* web = std::get_if<WebPushTarget>(&registration.target);
  const auto channel = channel_of(registration);
  return web == nullptr ? channel : of(channel, web->endpoint);
}

}  // namespace duet
