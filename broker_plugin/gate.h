// broker_plugin/gate.h: every decision of the plugin, without Mosquitto.
//
// plugin.cpp turns the broker's callbacks into calls of this class, one for one. The clock is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "acl/access.h"
#include "acl/block_list.h"
#include "acl/principal.h"
#include "acl/token.h"
#include "acl/token_bucket.h"
#include "broker_plugin/broker_port.h"
#include "broker_plugin/gate_status.h"
#include "broker_plugin/intake.h"
#include "broker_plugin/moment.h"
#include "broker_plugin/options.h"
#include "broker_plugin/pipe.h"
#include "broker_plugin/presence.h"
#include "broker_plugin/refusal_log.h"
#include "broker_plugin/revocation_file.h"
#include "broker_plugin/service_intake.h"
#include "broker_plugin/service_links.h"
#include "broker_plugin/sessions.h"
#include "broker_plugin/typing.h"
#include "protocol/result.h"

namespace duet {

// The Authentication Method (MQTT 5 3.1.2.11.9) of a client whose Authentication Data is an access token.
inline constexpr std::string_view kAuthenticationMethod = "OAUTH2-JWT";

// Whom the broker asks about. The user name is what Gate::admit had set for the connection.
struct Client {
  Connection connection;
  std::string_view client_id;
  std::string_view user_name;
};

struct ConnectRequest {
  Connection connection;
  std::string_view client_id;
  std::string_view user_name;     // empty: none
  std::string_view token;         // the password, or the Authentication Data
  bool websocket = false;         // the connection has a WebSocket at this moment
  std::string_view address = {};  // for the log
};

enum class ConnectVerdict : std::uint8_t {
  refuse,
  refuse_for_now,  // the same CONNECT may be accepted later
  accept,          // the caller sets the user name, then calls admit
  keep,            // a session that was admitted before: it goes on
  close,           // a session that was admitted before: the caller ends its connection
  unknown_method,  // not our kind of Enhanced Authentication
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

struct PublishDecision {
  bool accepted;  // false: it is refused, and the device was told
  std::optional<std::string> payload =
      std::nullopt;  // to be routed in the place of what the client published
};

// Used by the broker's thread alone. The port outlives it.
class Gate {
 public:
  // Opens the journals. Throws what Journal and RevocationFile throw. `boot_id` is the kernel's name for this
  // boot.
  Gate(const Options& options, TokenVerifier tokens, const std::string& boot_id, BrokerPort& broker);

  // BASIC_AUTH. A refusal is logged with its reason, without the token.
  ConnectDecision connect(const ConnectRequest& request, Moment now);
  // EXT_AUTH_START (MQTT 5 4.12): a CONNECT with an Authentication Method, or the AUTH of a connection that
  // had been accepted with one. The latter puts the new token in the place of the old, or is the end.
  ConnectDecision authenticate(const ConnectRequest& request, std::string_view method, Moment now);
  // The user name that the broker shall know the principal by.
  static std::string user_name_of(const Principal& principal);
  // An accepted connection takes its place: from here on it may do things.
  void admit(Connection connection, const Principal& principal);
  // DISCONNECT. May come twice, and for connections that never were admitted.
  void disconnected(Connection connection);

  // ACL_CHECK. may_publish is asked before each PUBLISH and before a will is sent; `retain` and `payload` are
  // the message's.
  bool may_publish(const Client& client, const Publish& publish, bool retain, Moment now);
  // `payload_bytes`: a message that the client's Maximum Packet Size forbids is kept from it here, as the
  // broker would drop it without a word and, from then on, count it as on its way.
  bool may_receive(const Client& client, std::string_view topic, std::size_t payload_bytes, Moment now);
  bool may_subscribe(const Client& client, std::string_view filter, Moment now);
  bool may_unsubscribe(const Client& client, std::string_view filter);

  // MESSAGE: a PUBLISH that may_publish has allowed.
  PublishDecision publish(const Client& client, const Publish& publish, Moment now);

  // The end of a turn of the broker's loop.
  void tick(Moment now);
  GateStatus status() const;
  // SIGHUP. Until the next tick the broker asks again about the sessions it has.
  void reload() { reloading_ = true; }
  // The keys have changed on disk. Sessions go on.
  void set_tokens(TokenVerifier tokens) { tokens_ = std::move(tokens); }

 private:
  bool is_recheck(const ConnectRequest& request);
  ConnectDecision admission(const ConnectRequest& request, Moment now);
  Result<Principal, std::string_view> identify(const ConnectRequest& request, Timestamp now) const;
  Result<Principal, std::string_view> identify_for_renewal(const ConnectRequest& request, Moment now);
  ConnectDecision refuse(const ConnectRequest& request, ConnectVerdict verdict, std::string_view reason,
                         Moment now);
  bool may_send_will(const Client& client, const Session* session, const Publish& publish, bool retain);
  void tell_not_authorized(const Session& session, std::string_view topic, Moment now);

  const PayloadLimits limits_;
  const std::size_t devices_per_user_;
  const std::size_t partitions_;
  BrokerPort& broker_;
  TokenVerifier tokens_;
  Sessions sessions_;
  BlockList blocks_;
  Pipes pipes_;
  RevocationFile revocations_;  // in the directory that the pipes have made
  Presence presence_{sessions_, broker_};
  Typing typing_;
  ServiceLinks services_{pipes_, presence_};
  Intake intake_;
  TokenBuckets connects_;  // of each device
  RefusalLog refusals_{broker_};
  ServiceIntake service_intake_;
  bool reloading_ = false;
};

}  // namespace duet
