// auth_service/broker_link.h: the connection of duet-auth to the broker, through which logins end and the
// store learns of accounts.
#pragma once

#include <stop_token>
#include <thread>
#include <vector>

#include "auth_service/auth_database.h"
#include "auth_service/name_register.h"
#include "auth_service/revocation_feed.h"
#include "auth_service/store_names.h"
#include "mqtt_link/broker_settings.h"
#include "mqtt_link/link.h"
#include "mqtt_link/token_rotation.h"
#include "service/health.h"

namespace duet {

// Connects, and connects again, for ever, from start() on. The database and `health` outlive it; it
// outlives those who revoke and claim.
class BrokerLink {
 public:
  // `bots`: users without an account.
  BrokerLink(const BrokerSettings& broker, AuthDatabase& database, std::vector<UserId> bots, Health& health);
  BrokerLink(const BrokerLink&) = delete;
  BrokerLink& operator=(const BrokerLink&) = delete;

  void start();
  RevocationSink& sink() { return feed_; }
  NameRegister& names() { return names_; }

 private:
  LinkHandlers handlers();
  void on_state(const std::string& state);
  void tell_all();
  void keep_up(const std::stop_token& stop);

  Health::State& connection_;
  Health::Loop& turns_;
  RevocationFeed feed_;
  StoreNames names_;
  TokenRotation token_;      // the thread's
  Link link_;                // after those that its handlers use
  std::jthread keeping_up_;  // first to end
};

}  // namespace duet
