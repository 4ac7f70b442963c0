#include "broker_plugin/gate.h"

#include <utility>
#include <variant>

#include "broker_plugin/packet_limit.h"
#include "broker_plugin/refusals.h"
#include "protocol/packet_size.h"
#include "protocol/payload.h"
#include "protocol/topic.h"

namespace duet {
namespace {

bool names_somebody(std::string_view client_id) {
  return parse_client_id(client_id) || parse_service_client_id(client_id);
}

// A persistent session without a connection is known by its client id alone. Its owner was verified when it
// was made, and the user name was set then; a session that expired meanwhile may gather messages, not fetch
// them.
std::optional<Principal> offline_principal(const Client& client) {
  if (auto device = parse_client_id(client.client_id)) {
    if (client.user_name != device->user.str()) return std::nullopt;
    return Principal::of_device(*std::move(device), Timestamp::max());
  }
  auto service = parse_service_client_id(client.client_id);
  if (!service || client.user_name != to_string(service->role)) return std::nullopt;
  return Principal::of_service(service->role, std::move(service->instance), Timestamp::max());
}

}  // namespace

Gate::Gate(const Options& options, TokenVerifier tokens, const std::string& boot_id, BrokerPort& broker)
    : limits_(options.payload),
      devices_per_user_(options.devices_per_user),
      partitions_(options.partitions),
      broker_(broker),
      tokens_(std::move(tokens)),
      pipes_(options, boot_id, broker),
      revocations_(options.journal_dir / "revocations", broker),
      typing_(options.require_consent, blocks_, broker),
      intake_(options, {pipes_, blocks_, presence_, typing_, services_, broker}),
      connects_(options.rates.connects),
      service_intake_({sessions_, pipes_, blocks_, revocations_, tokens_, broker}) {}

// Between RELOAD and the end of the loop turn the broker asks again about every session it has, with the user
// name that was set and a token that may have run out; refusing would throw out users whose session is in
// order, and those whose token is over are kicked by the tick, will included. A real CONNECT cannot pass for
// such a question: a TCP socket is not read between the two (loop.c), and a WebSocket, which is (lws_service
// runs after the reload), has its socket, while a session that is not live any more has lost it.
bool Gate::is_recheck(const ConnectRequest& request) {
  if (!reloading_) return false;
  if (sessions_.find(request.connection, request.client_id) != nullptr) return true;
  const Client client{request.connection, request.client_id, request.user_name};
  return !request.websocket && offline_principal(client).has_value();
}

ConnectDecision Gate::refuse(const ConnectRequest& request, ConnectVerdict verdict, std::string_view reason,
                             Moment now) {
  refusals_.refused(request.client_id, request.address, reason, now.steady);
  return {verdict, std::nullopt};
}

ConnectDecision Gate::connect(const ConnectRequest& request, Moment now) {
  if (is_recheck(request)) return {ConnectVerdict::keep, std::nullopt};
  return admission(request, now);
}

// The broker does not say which of the two it is. It takes an AUTH only from a connection that it has
// accepted, and a CONNECT only once: the sessions tell.
ConnectDecision Gate::authenticate(const ConnectRequest& request, std::string_view method, Moment now) {
  Session* session = sessions_.find(request.connection, request.client_id);
  if (session == nullptr) {
    if (method == kAuthenticationMethod) return admission(request, now);
    return refuse(request, ConnectVerdict::unknown_method, "the authentication method is not ours", now);
  }
  auto principal = identify_for_renewal(request, now);
  if (!principal) return refuse(request, ConnectVerdict::close, principal.error(), now);
  const auto ends_at = principal->expires_at() + tokens_.rules().clock_skew;
  sessions_.renew(*session, request.connection, *std::move(principal), ends_at);
  broker_.log(LogLevel::debug, session->client_id + " has a new token");
  return {ConnectVerdict::keep, std::nullopt};
}

// What only accepted connections use up, no stranger can: a device is never locked out by others' attempts.
// It is looked at first, as a device that connects in a loop is not worth a signature.
ConnectDecision Gate::admission(const ConnectRequest& request, Moment now) {
  constexpr std::string_view kTooOften = "it connects too often";
  if (connects_.look(request.client_id, now.steady)) {
    return refuse(request, ConnectVerdict::refuse_for_now, kTooOften, now);
  }
  auto principal = identify(request, now.wall);
  if (!principal) return refuse(request, ConnectVerdict::refuse, principal.error(), now);
  if (principal->device()) connects_.take(request.client_id, now.steady);
  broker_.log(LogLevel::notice, principal->client_id() + " connected from " + std::string(request.address));
  return {ConnectVerdict::accept, *std::move(principal)};
}

// On a connection that is the device's already, so its attempts count whether they succeed or not.
Result<Principal, std::string_view> Gate::identify_for_renewal(const ConnectRequest& request, Moment now) {
  if (connects_.take(request.client_id, now.steady)) {
    return Failure<std::string_view>("it authenticates too often");
  }
  return identify(request, now.wall);
}

// Session takeover: the broker gives a session to whoever brings its client id, so the client id must be the
// token's before the broker looks for one. Cheap checks come first. The error is the reason, for the log.
Result<Principal, std::string_view> Gate::identify(const ConnectRequest& request, Timestamp now) const {
  const auto refused = [](std::string_view reason) { return Failure<std::string_view>(reason); };
  if (!names_somebody(request.client_id)) return refused("the client id is not user:device");
  const auto claims = tokens_.verify(request.token, now);
  if (!claims) return refused(to_string(claims.error()));
  auto principal = principal_for(*claims, request.client_id);
  if (!principal) return refused("the client id is not the token's");
  if (!request.user_name.empty() && request.user_name != user_name_of(*principal)) {
    return refused("the user name is not the token's");
  }
  if (const auto& device = principal->device()) {
    if (revocations_.list().revokes(*device, principal->issued_at())) return refused("the login was ended");
    if (sessions_.devices_of(device->user, request.client_id) >= devices_per_user_) {
      return refused("the user has too many devices connected");
    }
  }
  return *std::move(principal);
}

std::string Gate::user_name_of(const Principal& principal) {
  return principal.device() ? principal.device()->user.str() : std::string(to_string(principal.role()));
}

void Gate::admit(Connection connection, const Principal& principal) {
  disconnected(connection);  // of a session whose DISCONNECT never came; none is known to do that
  if (const auto older = sessions_.current(principal.client_id())) broker_.tell_taken_over(older);
  Session& session =
      sessions_.begin(connection, principal, principal.expires_at() + tokens_.rules().clock_skew);
  presence_.session_began(session);
}

void Gate::disconnected(Connection connection) {
  const auto ended = sessions_.end(connection);
  if (!ended) return;
  broker_.log(LogLevel::notice,
              ended->client_id + (ended->superseded ? ": its older connection is closed" : " disconnected"));
  presence_.session_ended(*ended);
  typing_.session_ended(*ended);
  if (!ended->principal.device()) services_.gone(connection);
}

bool Gate::may_publish(const Client& client, const Publish& publish, bool retain, Moment now) {
  const Session* session = sessions_.find(client.connection, client.client_id);
  // There is no event for a will. It is sent when the session is over: after its DISCONNECT event or, when a
  // new connection wants a clean session, after the new one was admitted. (At its own shutdown the broker
  // asks for wills of live sessions; nobody gets them any more.)
  if (session == nullptr || session->superseded) return may_send_will(client, session, publish, retain);
  if (session->expired(now.wall)) return false;
  if (decide(session->principal, Access::publish, publish.topic).allowed()) return true;
  tell_not_authorized(*session, publish.topic, now);
  return false;
}

bool Gate::may_send_will(const Client& client, const Session* session, const Publish& publish, bool retain) {
  const auto principal = session != nullptr ? session->principal : offline_principal(client);
  if (!principal || !decide(*principal, Access::will, publish.topic).allowed()) return false;
  if (parse_presence(publish.payload, limits_) != DeviceState::offline) return false;
  if (retain) presence_.will_retained(publish.topic);
  return true;
}

void Gate::tell_not_authorized(const Session& session, std::string_view topic, Moment now) {
  const auto& device = session.principal.device();
  if (!device) {
    broker_.log(LogLevel::error, session.client_id + " may not publish to " + std::string(topic));
    return;
  }
  // Nothing else bounds these: a flood must not become two.
  if (intake_.events_used_up(session, now)) return;
  const Refused refused{.refusal = {ErrorCode::not_authorized, "this topic is not yours to publish to"}};
  tell_refusal(*device, topic, refused, std::nullopt, broker_);
}

// Runs for every delivery to every recipient.
bool Gate::may_receive(const Client& client, std::string_view topic, std::size_t payload_bytes, Moment now) {
  if (Session* session = sessions_.find(client.connection, client.client_id)) {
    if (session->expired(now.wall) || !decide(session->principal, Access::receive, topic).allowed()) {
      return false;
    }
    const auto bytes = max_publish_bytes(topic.size(), payload_bytes);
    if (!session->principal.device() || broker_.can_receive(client.connection, bytes)) return true;
    tell_oversize(*session, topic, bytes, now, broker_);
    return false;
  }
  const auto principal = offline_principal(client);
  return principal && decide(*principal, Access::receive, topic).allowed();
}

// Whether the token has run out does not matter: every delivery is checked. It must not: when an expired
// client is kicked, the broker asks about the subscriptions of its persistent session and would delete those
// refused.
bool Gate::may_subscribe(const Client& client, std::string_view filter, Moment now) {
  const Session* session = sessions_.find(client.connection, client.client_id);
  if (session == nullptr) {
    const auto principal = offline_principal(client);
    return principal && decide(*principal, Access::subscribe, filter).allowed();
  }
  if (!decide(session->principal, Access::subscribe, filter).allowed()) return false;
  const bool begins = !session->principal.device() && !session->kicked && !session->superseded;
  if (begins) services_.subscribed(client.connection, session->principal.role(), filter, now.steady);
  return true;
}

bool Gate::may_unsubscribe(const Client& client, std::string_view filter) {
  const Session* session = sessions_.find(client.connection, client.client_id);
  if (session == nullptr || !decide(session->principal, Access::subscribe, filter).allowed()) return false;
  if (!session->principal.device()) {
    services_.unsubscribed(client.connection, session->principal.role(), filter);
  }
  return true;
}

PublishDecision Gate::publish(const Client& client, const Publish& publish, Moment now) {
  Session* session = sessions_.find(client.connection, client.client_id);
  const auto topic = parse_topic(publish.topic);
  if (session == nullptr || !topic) return {false};
  if (!session->principal.device()) {
    service_intake_.accept(*session, client.connection, *topic, publish.payload, now);
    return {true};
  }
  if (const auto refused = intake_.accept(*session, *topic, publish.payload, now)) {
    tell_refusal(*session->principal.device(), publish.topic, *refused, publish.correlation, broker_);
    return {false};
  }
  // The store does not see what the client announced at its CONNECT.
  const auto* request = std::get_if<DeviceTopic>(&*topic);
  if (request == nullptr || request->kind != DeviceKind::request) return {true};
  const auto limit = packet_limit(broker_, client.connection);
  if (!limit) return {true};
  return {true, with_max_bytes(publish.payload, *limit, limits_)};
}

void Gate::tick(Moment now) {
  reloading_ = false;
  for (const auto& client_id : sessions_.take_expired(now.wall)) {
    broker_.log(LogLevel::notice, client_id + ": its token has expired, or its login was ended");
    broker_.kick(client_id);
  }
  refusals_.tick(now.steady);
  presence_.tick();
  typing_.tick(now);
  pipes_.tick(now.steady);
}

GateStatus Gate::status() const {
  return {.store_attached = services_.takes_records_of(partitions_),
          .journal_failure = intake_.journal_failure()};
}

}  // namespace duet
