#include "acl/access.h"

#include <array>
#include <charconv>

#include "protocol/topic.h"

namespace duet {
namespace {

// docs/protocol.md sections 2 and 5. docs/access.md is made from this table (duet-access-table); a role may
// do nothing that has no row here.
constexpr auto kTable = std::to_array<AccessRule>({
    {Role::chat, Access::publish, "u/{me}/out/{user}/msg", "send a message"},
    {Role::chat, Access::publish, "u/{me}/out/{user}/receipt", "tell what was delivered and read"},
    {Role::chat, Access::publish, "u/{me}/out/{user}/typing", "tell that I am typing"},
    {Role::chat, Access::publish, "u/{me}/d/{device}/presence", "state this device's presence"},
    {Role::chat, Access::publish, "u/{me}/d/{device}/req/{any}", "make a request"},
    {Role::chat, Access::publish, "u/{me}/d/{device}/push", "register this device for push"},
    {Role::chat, Access::will, "u/{me}/d/{device}/presence", "offline, when the connection is lost"},
    {Role::chat, Access::subscribe, "u/{me}/in/#", "the inbox, or a part of it"},
    {Role::chat, Access::subscribe, "u/{me}/d/{device}/#", "replies and errors of this device"},
    {Role::chat, Access::receive, "u/{me}/in/#", "the inbox"},
    {Role::chat, Access::receive, "u/{me}/d/{device}/#",
     "replies, errors, and what the device itself published there"},

    {Role::store, Access::publish, "ingest/{partition}/ctl", "from where on, and what is committed"},
    {Role::store, Access::publish, "deliver/{partition}", "deliver frames"},
    {Role::store, Access::publish, "u/{user}/d/{any}/reply", "answer a request"},
    {Role::store, Access::publish, "svc/store/blocks", "block lists for the broker"},
    {Role::store, Access::publish, "svc/store/feed", "what push has to know of"},
    {Role::store, Access::publish, "svc/store/check", "how conversations stand that a push is for"},
    {Role::store, Access::publish, "svc/store/names", "which accounts it knows, and whether a name is free"},
    {Role::store, Access::publish, "svc/store/devices", "which registrations can be used is stored"},
    {Role::store, Access::publish, "svc/store/token", "renew its own token"},
    {Role::store, Access::subscribe, "ingest/{partition}", "ingest frames"},
    {Role::store, Access::subscribe, "u/+/d/+/req/+", "requests"},
    {Role::store, Access::subscribe, "u/+/d/+/presence", "presence of devices"},
    {Role::store, Access::subscribe, "u/+/d/+/push", "push registrations"},
    {Role::store, Access::subscribe, "svc/broker/presence", "who is online now"},
    {Role::store, Access::subscribe, "svc/broker/typing", "typing, where consent is required"},
    {Role::store, Access::subscribe, "svc/push/feed", "push asks what is new"},
    {Role::store, Access::subscribe, "svc/push/check", "push asks how conversations stand"},
    {Role::store, Access::subscribe, "svc/auth/names", "which accounts there are"},
    {Role::store, Access::subscribe, "svc/push/devices", "which push registrations can be used"},
    {Role::store, Access::subscribe, "svc/push/users", "who has a push registration"},
    {Role::store, Access::receive, "ingest/{partition}", "ingest frames"},
    {Role::store, Access::receive, "u/{user}/d/{any}/req/{any}", "requests"},
    {Role::store, Access::receive, "u/{user}/d/{any}/presence", "presence of devices"},
    {Role::store, Access::receive, "u/{user}/d/{any}/push", "push registrations"},
    {Role::store, Access::receive, "svc/broker/presence", "who is online now"},
    {Role::store, Access::receive, "svc/broker/typing", "typing, where consent is required"},
    {Role::store, Access::receive, "svc/push/feed", "push asks what is new"},
    {Role::store, Access::receive, "svc/push/check", "push asks how conversations stand"},
    {Role::store, Access::receive, "svc/auth/names", "which accounts there are"},
    {Role::store, Access::receive, "svc/push/devices", "which push registrations can be used"},
    {Role::store, Access::receive, "svc/push/users", "who has a push registration"},

    {Role::push, Access::publish, "svc/push/feed", "ask what is new"},
    {Role::push, Access::publish, "svc/push/check", "ask how conversations stand before a push is sent"},
    {Role::push, Access::publish, "svc/push/devices", "tell which push registrations can be used"},
    {Role::push, Access::publish, "svc/push/users", "tell who has a push registration"},
    {Role::push, Access::publish, "svc/push/token", "renew its own token"},
    {Role::push, Access::subscribe, "u/+/d/+/presence", "presence of devices"},
    {Role::push, Access::subscribe, "u/+/d/+/push", "push registrations"},
    {Role::push, Access::subscribe, "svc/broker/presence", "who is online now"},
    {Role::push, Access::subscribe, "svc/store/feed", "messages without their bodies, and receipts"},
    {Role::push, Access::subscribe, "svc/store/check", "how conversations stand"},
    {Role::push, Access::subscribe, "svc/store/devices", "that is stored"},
    {Role::push, Access::receive, "u/{user}/d/{any}/presence", "presence of devices"},
    {Role::push, Access::receive, "u/{user}/d/{any}/push", "push registrations"},
    {Role::push, Access::receive, "svc/broker/presence", "who is online now"},
    {Role::push, Access::receive, "svc/store/feed", "messages without their bodies, and receipts"},
    {Role::push, Access::receive, "svc/store/check", "how conversations stand"},
    {Role::push, Access::receive, "svc/store/devices", "that is stored"},

    {Role::auth, Access::publish, "svc/auth/revocations", "logins that were ended"},
    {Role::auth, Access::publish, "svc/auth/names", "which accounts there are, and whether a name is free"},
    {Role::auth, Access::publish, "svc/auth/token", "renew its own token"},
    {Role::auth, Access::subscribe, "svc/store/names", "which accounts the store knows"},
    {Role::auth, Access::receive, "svc/store/names", "which accounts the store knows"},
});

// Takes the first level off `topic`; `more` tells whether a `/` followed it.
std::string_view take_level(std::string_view& topic, bool& more) {
  const auto slash = topic.find('/');
  more = slash != std::string_view::npos;
  const auto level = topic.substr(0, slash);
  topic.remove_prefix(more ? slash + 1 : topic.size());
  return level;
}

bool is_partition(std::string_view text) {
  Partition value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end && (text.size() == 1 || text.front() != '0');
}

bool level_matches(std::string_view pattern, std::string_view level, const Principal& who) {
  if (pattern.front() != '{') return pattern == level;  // `+` included
  if (pattern == "{me}") return who.device() && who.device()->user.str() == level;
  if (pattern == "{device}") return who.device() && who.device()->device.str() == level;
  if (pattern == "{user}") return UserId::valid(level);
  if (pattern == "{any}") return DeviceId::valid(level);
  return pattern == "{partition}" && is_partition(level);
}

bool matches(std::string_view pattern, std::string_view topic, const Principal& who) {
  bool more_pattern = true;
  bool more_topic = true;
  while (more_pattern && more_topic) {
    const auto wanted = take_level(pattern, more_pattern);
    if (wanted == "#") return true;  // there is a level below, whatever it is
    if (!level_matches(wanted, take_level(topic, more_topic), who)) return false;
  }
  return more_pattern == more_topic;
}

Decision deny(DenyReason reason) {
  return {nullptr, reason};
}

}  // namespace

std::string_view to_string(Access access) {
  switch (access) {
    case Access::publish:
      return "publish";
    case Access::will:
      return "will";
    case Access::subscribe:
      return "subscribe";
    case Access::receive:
      return "receive";
  }
  return "unknown";
}

std::string_view to_string(DenyReason reason) {
  switch (reason) {
    case DenyReason::no_rule:
      return "no rule allows it";
    case DenyReason::invalid_topic:
      return "not a topic of the grammar or not a valid filter";
    case DenyReason::shared:
      return "shared subscription";
  }
  return "unknown";
}

std::span<const AccessRule> access_table() {
  return kTable;
}

Decision decide(const Principal& who, Access access, std::string_view topic) noexcept {
  if (access == Access::subscribe) {
    if (topic == "$share" || topic.starts_with("$share/")) return deny(DenyReason::shared);
    if (!valid_topic_filter(topic)) return deny(DenyReason::invalid_topic);
  } else if (!valid_topic(topic)) {
    return deny(DenyReason::invalid_topic);
  }
  for (const AccessRule& rule : kTable) {
    if (rule.role == who.role() && rule.access == access && matches(rule.pattern, topic, who)) {
      return {&rule, DenyReason::no_rule};
    }
  }
  return deny(DenyReason::no_rule);
}

}  // namespace duet
