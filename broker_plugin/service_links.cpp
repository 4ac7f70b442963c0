#include "broker_plugin/service_links.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/topic.h"

namespace duet {
namespace {

const std::string& snapshot_topic() {
  static const std::string topic = format_topic(ServiceTopic{"broker", ServiceKind::presence});
  return topic;
}

std::optional<Partition> ingest_partition(std::string_view filter) {
  const auto topic = parse_topic(filter);
  const auto* pipe = topic ? std::get_if<PipeTopic>(&*topic) : nullptr;
  if (pipe == nullptr || pipe->kind != PipeKind::ingest) return std::nullopt;
  return pipe->partition;
}

}  // namespace

std::unordered_set<Connection>* ServiceLinks::listeners_of(std::string_view filter, Role role) {
  if (filter == kRequestFilter) return &requests_;
  if (filter == kPushFilter) return role == Role::push ? &push_bridges_ : &push_stores_;
  if (filter == kPresenceFilter) return &presence_listeners_;
  if (filter == snapshot_topic()) return &snapshot_listeners_;
  return nullptr;
}

void ServiceLinks::subscribed(Connection service, Role role, std::string_view filter,
                              Feeder::Clock::time_point now) {
  if (auto* listeners = listeners_of(filter, role)) {
    listeners->insert(service);
    // In whichever order it subscribes: the picture is sent when it can see both the picture and its changes.
    const bool concerns_presence = listeners == &presence_listeners_ || listeners == &snapshot_listeners_;
    if (concerns_presence && presence_listeners_.contains(service) && snapshot_listeners_.contains(service)) {
      presence_.snapshot_wanted();
    }
    return;
  }
  const auto partition = ingest_partition(filter);
  Pipe* pipe = partition ? pipes_.find(*partition) : nullptr;
  if (pipe == nullptr) return;
  fed_[*partition] = service;
  pipe->feeder.store_came(now);
}

void ServiceLinks::unsubscribed(Connection service, Role role, std::string_view filter) {
  if (auto* listeners = listeners_of(filter, role)) listeners->erase(service);
  if (const auto partition = ingest_partition(filter)) stop_feeding(*partition, service);
}

void ServiceLinks::gone(Connection service) {
  for (auto* listeners :
       {&requests_, &push_stores_, &push_bridges_, &presence_listeners_, &snapshot_listeners_}) {
    listeners->erase(service);
  }
  std::vector<Partition> partitions;
  for (const auto& [partition, owner] : fed_) partitions.push_back(partition);
  for (const Partition partition : partitions) stop_feeding(partition, service);
}

void ServiceLinks::stop_feeding(Partition partition, Connection service) {
  const auto owner = fed_.find(partition);
  // After a takeover the old connection ends when the new one may be fed already.
  if (owner == fed_.end() || owner->second != service) return;
  fed_.erase(owner);
  pipes_.find(partition)->feeder.store_left();
}

}  // namespace duet
