// broker_plugin/service_links.h: which service listens to what.
//
// Services connect with a clean session, so every subscription that is in force was asked for here.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "broker_plugin/feeder.h"
#include "broker_plugin/pipe.h"
#include "broker_plugin/presence.h"
#include "broker_plugin/sessions.h"

namespace duet {

// Used by the broker's thread alone.
class ServiceLinks {
 public:
  ServiceLinks(Pipes& pipes, Presence& presence) : pipes_(pipes), presence_(presence) {}

  // A subscription to `filter` was allowed to the service, whose role is `role`, or taken back.
  void subscribed(Connection service, Role role, std::string_view filter, Feeder::Clock::time_point now);
  void unsubscribed(Connection service, Role role, std::string_view filter);
  void gone(Connection service);

  // Whether the records of so many partitions are taken.
  bool takes_records_of(std::size_t partitions) const { return fed_.size() >= partitions; }
  // Whether somebody will get a request; and a push registration both, the store and the bridge: either alone
  // would know of a device what the other does not.
  bool serves_requests() const { return !requests_.empty(); }
  bool serves_push() const { return !push_stores_.empty() && !push_bridges_.empty(); }

 private:
  std::unordered_set<Connection>* listeners_of(std::string_view filter, Role role);
  void stop_feeding(Partition partition, Connection service);

  Pipes& pipes_;
  Presence& presence_;
  std::unordered_set<Connection> requests_;
  std::unordered_set<Connection> push_stores_;
  std::unordered_set<Connection> push_bridges_;
  std::unordered_set<Connection> presence_listeners_;
  std::unordered_set<Connection> snapshot_listeners_;
  std::unordered_map<Partition, Connection> fed_;  // the service that asked last
};

}  // namespace duet
