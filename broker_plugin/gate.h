// broker_plugin/gate.h: every decision of the plugin, without Mosquitto.
//
// plugin.cpp turns the broker's callbacks into calls of this class, one for one. The clock is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "acl/access.h"
#include "acl/block_list.h"
#include "acl/principal.h"
#include "acl/token.h"
#include "broker_plugin/broker_port.h"
#include "broker_plugin/intake.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/options.h"
#include "broker_plugin/pipe.h"
#include "broker_plugin/presence.h"
#include "broker_plugin/revocation_file.h"
#include "broker_plugin/service_intake.h"
#include "broker_plugin/service_links.h"
#include "broker_plugin/sessions.h"

namespace duet {

// Whom the broker asks about. The user name is what Gate::admit had set for the connection.
struct Client {
  Connection connection;
  std::string_view client_id;
  std::string_view user_name;
};

struct ConnectRequest {
  Connection connection;
  std::string_view client_id;
  std::string_view user_name;  // empty: none
  std::string_view password;   // the access token
  bool websocket = false;      // the connection has a WebSocket at this moment
};

enum class ConnectVerdict : std::uint8_t {
  refuse,
  accept,  // the caller sets the user name, then calls admit
  keep,    // a session that was admitted before and is only asked about again
};
struct ConnectDecision {
  ConnectVerdict verdict;
  std::optional<Principal> principal;  // of an accepted one
};

struct Publish {
  std::string_view topic;
  std::string_view payload;
  std::optional<std::string_view> correlation = std::nullopt;  // MQTT 5 Correlation Data
};

// Used by the broker's thread alone. The port outlives it.
class Gate {
 public:
  // Opens the journals. Throws what Journal and RevocationFile throw. `boot_id` is the kernel's name for this
  // boot.
  Gate(const Options& options, TokenVerifier tokens, const std::string& boot_id, BrokerPort& broker);

  // BASIC_AUTH. A refusal is logged with its reason, without the token.
  ConnectDecision connect(const ConnectRequest& request, Moment now);
  // The user name that the broker shall know the principal by.
  static std::string user_name_of(const Principal& principal);
  // An accepted connection takes its place: from here on it may do things.
  void admit(Connection connection, const Principal& principal);
  // DISCONNECT. May come twice, and for connections that never were admitted.
  void disconnected(Connection connection);

  // ACL_CHECK. may_publish is asked before each PUBLISH and before a will is sent; `retain` and `payload` are
  // the message's.
  bool may_publish(const Client& client, const Publish& publish, bool retain, Moment now);
  bool may_receive(const Client& client, std::string_view topic, Moment now);
  bool may_subscribe(const Client& client, std::string_view filter, Moment now);
  bool may_unsubscribe(const Client& client, std::string_view filter);

  // MESSAGE: a PUBLISH that may_publish has allowed. False: it is refused, and the device was told.
  bool publish(const Client& client, const Publish& publish, Moment now);

  // The end of a turn of the broker's loop.
  void tick(Moment now);
  // SIGHUP. Until the next tick the broker asks again about the sessions it has.
  void reload() { reloading_ = true; }
  // The keys have changed on disk. Sessions go on.
  void set_tokens(TokenVerifier tokens) { tokens_ = std::move(tokens); }

 private:
  bool is_recheck(const ConnectRequest& request);
  ConnectDecision refuse(const ConnectRequest& request, std::string_view reason);
  bool may_send_will(const Client& client, const Session* session, const Publish& publish, bool retain);
  void tell_not_authorized(const Session& session, std::string_view topic, Moment now);

  const PayloadLimits limits_;
  const std::size_t devices_per_user_;
  BrokerPort& broker_;
  TokenVerifier tokens_;
  Sessions sessions_;
  BlockList blocks_;
  Pipes pipes_;
  RevocationFile revocations_;  // in the directory that the pipes have made
  Presence presence_{sessions_, broker_};
  ServiceLinks services_{pipes_, presence_};
  Intake intake_;
  ServiceIntake service_intake_;
  bool reloading_ = false;
};

}  // namespace duet
