// Topics, names and the access decision. Input: a client id, a line feed, a topic name or filter.
#include <array>
#include <optional>
#include <string>
#include <variant>

#include "acl/access.h"
#include "fuzz/fuzz.h"
#include "protocol/topic.h"

namespace duet::fuzz {
namespace {

constexpr Timestamp kNever = Timestamp::max();

// MQTT 5 4.7.1 again, character by character.
bool is_filter(std::string_view text) {
  if (text.empty() || text.size() > 65535) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first = i == 0 || text[i - 1] == '/';
    const bool last = i + 1 == text.size() || text[i + 1] == '/';
    if (text[i] == '\0') return false;
    if (text[i] == '+' && !(first && last)) return false;
    if (text[i] == '#' && !(first && i + 1 == text.size())) return false;
  }
  return true;
}

// Whether a subscription to `filter` gets what is published to `name`. Precondition: both are valid.
bool gets(std::string_view filter, std::string_view name) {
  Input filters(filter);
  Input names(name);
  const auto level = [](Input& input) { return input.take(input.rest().find('/')); };
  while (true) {
    const auto wanted = level(filters);
    if (wanted == "#") return true;
    const auto there = level(names);
    if (wanted != "+" && wanted != there) return false;
    if (names.empty()) return filters.empty() || filters.rest() == "/#";
    if (filters.empty()) return false;
    filters.take(1);
    names.take(1);
  }
}

void check_names(std::string_view text) {
  if (const auto device = parse_client_id(text)) {
    require(format_client_id(*device) == text, "a client id is formatted as it was parsed");
  }
  if (const auto service = parse_service_client_id(text)) {
    require(!parse_client_id(text), "no client id is a service's and a device's");
    const auto principal = Principal::of_service(service->role, service->instance, kNever);
    require(principal.client_id() == text, "a service's client id is formatted as it was parsed");
  }
}

void check_grammar(std::string_view text) {
  require(valid_topic_filter(text) == is_filter(text), "valid filters are those of MQTT");
  const auto topic = parse_topic(text);
  require(topic.has_value() == valid_topic(text), "valid_topic says whether parse_topic succeeds");
  if (!topic) return;
  require(format_topic(*topic) == text, "a topic is formatted as it was parsed");
  require(text.find_first_of("+#") == std::string_view::npos && is_filter(text), "no topic has a wildcard");
}

bool own_publish(const Topic& topic, const Device& me) {
  if (const auto* out = std::get_if<OutTopic>(&topic)) return out->me == me.user;
  const auto* device = std::get_if<DeviceTopic>(&topic);
  return device != nullptr && device->owner == me && device->kind != DeviceKind::reply &&
         device->kind != DeviceKind::error;
}

bool own_receive(const Topic& topic, const Device& me) {
  if (const auto* in = std::get_if<InTopic>(&topic)) return in->me == me.user;
  const auto* device = std::get_if<DeviceTopic>(&topic);
  return device != nullptr && device->owner == me;
}

void check_user(const Device& me, std::string_view text) {
  const auto who = Principal::of_device(me, kNever);
  const auto topic = parse_topic(text);
  const auto allowed = [&](Access access) { return decide(who, access, text).allowed(); };

  if (allowed(Access::publish)) require(topic && own_publish(*topic, me), "a user publishes as himself");
  if (allowed(Access::receive)) require(topic && own_receive(*topic, me), "a user receives what is his");
  if (allowed(Access::will)) {
    require(text == format_topic(DeviceTopic{me, DeviceKind::presence, ""}), "a will is one's presence");
  }
  if (allowed(Access::subscribe)) {
    const std::string mine = "u/" + me.user.str() + "/";
    require(text.starts_with(mine + "in/") || text.starts_with(mine + "d/" + me.device.str() + "/"),
            "a user subscribes to what is his");
  }
  if (topic && own_receive(*topic, me)) {
    require(allowed(Access::subscribe) && allowed(Access::receive), "a user may have all that is his");
  }
}

void check_service(Role role, std::string_view text) {
  static const std::array<std::string, 4> private_topics{"u/alice/in/bob/msg", "u/alice/in/bob/sent",
                                                         "u/alice/out/bob/msg", "u/alice/d/phone/error"};
  const auto who = Principal::of_service(role, "", kNever);
  const auto topic = parse_topic(text);
  const auto allowed = [&](Access access) { return decide(who, access, text).allowed(); };

  require(!allowed(Access::will), "no service has a will");
  for (const auto access : {Access::publish, Access::receive}) {
    if (!allowed(access)) continue;
    require(topic && !std::holds_alternative<OutTopic>(*topic) && !std::holds_alternative<InTopic>(*topic),
            "no service speaks as a user or into an inbox, or hears one");
  }
  if (!allowed(Access::subscribe)) return;
  for (const auto& name : private_topics)
    require(!gets(text, name), "no service subscribes to a conversation");
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const auto client_id = input.line();
  const auto topic = input.rest();
  check_names(client_id);
  check_grammar(topic);
  if (const auto me = parse_client_id(client_id)) check_user(*me, topic);
  if (const auto service = parse_service_client_id(client_id)) check_service(service->role, topic);
}

}  // namespace duet::fuzz
