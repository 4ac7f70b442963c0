// protocol/topic.h: the topic grammar. No other file spells a topic.
//
//   u/<me>/out/<peer>/msg|receipt|typing        a client publishes
//   u/<me>/d/<device>/presence|push             a client publishes (or its will)
//   u/<me>/d/<device>/req/<method>              a client publishes
//   u/<me>/in/<peer>/msg|sent|receipt|typing|presence   a client receives
//   u/<me>/d/<device>/reply|error               a client receives
//   ingest/<partition>   ingest/<partition>/ctl   deliver/<partition>     plugin and store
//   svc/<name>/…                                between services, see protocol/service_payload.h
//
// Everything here is an immutable value: const access from several threads is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/names.h"

namespace duet {

enum class OutKind : std::uint8_t { message, receipt, typing };
struct OutTopic {
  UserId me;
  UserId peer;
  OutKind kind;
  friend bool operator==(const OutTopic&, const OutTopic&) = default;
};

enum class DeviceKind : std::uint8_t { presence, push, request, reply, error };
struct DeviceTopic {
  Device owner;
  DeviceKind kind;
  std::string method;  // of a request, known or not: [A-Za-z0-9._-]{1,32}; empty otherwise
  friend bool operator==(const DeviceTopic&, const DeviceTopic&) = default;
};

enum class InKind : std::uint8_t { message, sent, receipt, typing, presence };
struct InTopic {
  UserId me;
  UserId peer;
  InKind kind;
  friend bool operator==(const InTopic&, const InTopic&) = default;
};

enum class PipeKind : std::uint8_t { ingest, control, deliver };
struct PipeTopic {
  Partition partition;
  PipeKind kind;
  friend bool operator==(const PipeTopic&, const PipeTopic&) = default;
};

enum class ServiceKind : std::uint8_t {
  token,        // svc/<role>/token: a service renews the token of its own live connection
  blocks,       // svc/store/blocks: store → plugin
  presence,     // svc/broker/presence: plugin → store, who is online now
  revocations,  // svc/auth/revocations: auth → plugin, logins that were ended
  typing,       // svc/broker/typing: plugin → store, where consent is required
  feed,         // svc/push/feed: push → store, what is asked for; svc/store/feed: the store's answer
  check,        // svc/push/check, svc/store/check: the same, of what is about to be sent
  names,        // svc/auth/names: auth → store, which accounts there are; svc/store/names: the answer
  devices,      // svc/push/devices: push → store, which registrations can be used; svc/store/devices: taken
  users,        // svc/push/users: push → store, who has a push registration
};
struct ServiceTopic {
  std::string role;  // "store", "push", "auth" or "broker"
  ServiceKind kind;
  friend bool operator==(const ServiceTopic&, const ServiceTopic&) = default;
};

using Topic = std::variant<OutTopic, DeviceTopic, InTopic, PipeTopic, ServiceTopic>;

// Parses a topic name. Returns nullopt for every string outside the grammar above, wildcards included
// (MQTT 5, 4.7.1). Postcondition: format_topic(*parse_topic(s)) == s.
std::optional<Topic> parse_topic(std::string_view name);
// Whether parse_topic would succeed. No allocation.
bool valid_topic(std::string_view name) noexcept;

std::string format_topic(const OutTopic& topic);
std::string format_topic(const DeviceTopic& topic);
std::string format_topic(const InTopic& topic);
std::string format_topic(const PipeTopic& topic);
std::string format_topic(const ServiceTopic& topic);
std::string format_topic(const Topic& topic);

// The two filters that a client subscribes to: u/<me>/in/# and u/<me>/d/<device>/#.
std::string inbox_filter(const UserId& me);
std::string device_filter(const Device& device);

// Whether `filter` is a topic filter in the sense of MQTT 5 4.7.1: 1 to 65,535 bytes, no NUL, `+` and `#`
// only as whole levels, `#` only as the last. A shared subscription is judged as any other name.
bool valid_topic_filter(std::string_view filter);

// The filters of the services.
inline constexpr std::string_view kRequestFilter = "u/+/d/+/req/+";
inline constexpr std::string_view kPresenceFilter = "u/+/d/+/presence";
inline constexpr std::string_view kPushFilter = "u/+/d/+/push";
inline constexpr std::string_view kReplyFilter = "u/+/d/+/reply";

// Every topic that a deliver frame may name starts with this.
inline constexpr std::string_view kUserPrefix = "u/";

}  // namespace duet
