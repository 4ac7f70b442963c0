#include "protocol/service_payload.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"
#include "protocol/json_members.h"

namespace duet {
namespace {

using nlohmann::json;

// The pairs of strings at `name`, each made into a T by `make`; nullopt when one is not. No such member: no
// pairs.
template <typename T, typename Make>
std::optional<std::vector<T>> pairs_at(const json& object, const char* name, Make make) {
  std::vector<T> out;
  const auto list = object.find(name);
  if (list == object.end()) return out;
  if (!list->is_array()) return std::nullopt;
  for (const auto& pair : *list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string())
      return std::nullopt;
    auto made = make(pair[0].get_ref<const std::string&>(), pair[1].get_ref<const std::string&>());
    if (!made) return std::nullopt;
    out.push_back(*std::move(made));
  }
  return out;
}

std::optional<Block> make_block(std::string_view blocker, std::string_view blocked) {
  auto first = UserId::parse(blocker);
  auto second = UserId::parse(blocked);
  if (!first || !second) return std::nullopt;
  return Block{*std::move(first), *std::move(second)};
}

std::optional<Device> make_device(std::string_view user, std::string_view device) {
  auto first = UserId::parse(user);
  auto second = DeviceId::parse(device);
  if (!first || !second) return std::nullopt;
  return Device{*std::move(first), *std::move(second)};
}

json blocks_json(const std::vector<Block>& blocks) {
  json list = json::array();
  for (const auto& block : blocks) list.push_back({block.blocker.str(), block.blocked.str()});
  return list;
}

std::int64_t milliseconds_of(Timestamp time) {
  return time.time_since_epoch().count();
}

// Nullopt for anything but whole milliseconds up to the year 9999, so that sums stay in range.
std::optional<Timestamp> time_at(const json& object, const char* name) {
  constexpr std::int64_t kMaxMilliseconds = 253402300799999;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return std::nullopt;
  const auto value = member->get<std::uint64_t>();
  if (value > kMaxMilliseconds) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(value));
}

std::optional<Revocation> make_revocation(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto user = name_at<UserId>(object, "user");
  const auto before = time_at(object, "before");
  const auto until = time_at(object, "until");
  if (!user || !before || !until) return std::nullopt;
  if (!object.contains("device")) return Revocation{*std::move(user), std::nullopt, *before, *until};
  auto device = name_at<DeviceId>(object, "device");
  if (!device) return std::nullopt;
  return Revocation{*std::move(user), *std::move(device), *before, *until};
}

// The names at `name`; nullopt when one is none, or when there are more than fit a page. No such member:
// none.
std::optional<std::vector<UserId>> users_at(const json& object, const char* name) {
  std::vector<UserId> out;
  const auto list = object.find(name);
  if (list == object.end()) return out;
  if (!list->is_array() || list->size() > kServicePage) return std::nullopt;
  for (const auto& one : *list) {
    auto user = one.is_string() ? UserId::parse(one.get_ref<const std::string&>()) : std::nullopt;
    if (!user) return std::nullopt;
    out.push_back(*std::move(user));
  }
  return out;
}

std::optional<std::string> names_request_at(const json& object) {
  auto req = string_at(object, "req");
  return req && req->size() <= kMaxNamesRequestBytes ? std::move(req) : std::nullopt;
}

}  // namespace

std::string format_block_update(const BlockUpdate& update) {
  json out = json::object();
  if (update.reset) out["reset"] = true;
  if (!update.add.empty()) out["add"] = blocks_json(update.add);
  if (!update.remove.empty()) out["remove"] = blocks_json(update.remove);
  return dump(out);
}

std::optional<BlockUpdate> parse_block_update(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto add = pairs_at<Block>(object, "add", make_block);
  auto remove = pairs_at<Block>(object, "remove", make_block);
  if (!add || !remove) return std::nullopt;
  return BlockUpdate{flag_at(object, "reset"), *std::move(add), *std::move(remove)};
}

std::string format_revocation_update(const RevocationUpdate& update) {
  json out{{"add", json::array()}};
  if (update.reset) out["reset"] = true;
  for (const auto& revocation : update.add) {
    json one{{"user", revocation.user.str()},
             {"before", milliseconds_of(revocation.before)},
             {"until", milliseconds_of(revocation.until)}};
    if (revocation.device) one["device"] = revocation.device->str();
    out["add"].push_back(std::move(one));
  }
  return dump(out);
}

std::optional<RevocationUpdate> parse_revocation_update(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  RevocationUpdate update{flag_at(object, "reset"), {}};
  const auto add = object.find("add");
  if (add == object.end()) return update;
  if (!add->is_array()) return std::nullopt;
  for (const auto& one : *add) {
    auto revocation = make_revocation(one);
    if (!revocation) return std::nullopt;
    update.add.push_back(*std::move(revocation));
  }
  return update;
}

std::string format_typing_notice(const TypingNotice& notice) {
  return dump({{"from", notice.from.str()}, {"to", notice.to.str()}, {"typing", notice.typing}});
}

std::optional<TypingNotice> parse_typing_notice(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto from = name_at<UserId>(object, "from");
  auto to = name_at<UserId>(object, "to");
  const auto typing = object.find("typing");
  if (!from || !to || typing == object.end() || !typing->is_boolean()) return std::nullopt;
  return TypingNotice{*std::move(from), *std::move(to), typing->get<bool>()};
}

std::string format_presence_snapshot(const PresenceSnapshot& snapshot) {
  json out{{"online", json::array()}};
  if (snapshot.reset) out["reset"] = true;
  for (const auto& device : snapshot.online)
    out["online"].push_back({device.user.str(), device.device.str()});
  return dump(out);
}

std::optional<PresenceSnapshot> parse_presence_snapshot(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto online = pairs_at<Device>(object, "online", make_device);
  if (!online) return std::nullopt;
  return PresenceSnapshot{flag_at(object, "reset"), *std::move(online)};
}

std::string format_names_ask(const NamesAsk& ask) {
  json out{{"req", ask.req}};
  if (ask.claim) out["claim"] = ask.claim->str();
  for (const auto& user : ask.add) out["add"].push_back(user.str());
  if (ask.range) {
    out["after"] = ask.range->after;
    out["through"] = ask.range->through;
  }
  return dump(out);
}

std::optional<NamesAsk> parse_names_ask(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = names_request_at(object);
  auto add = users_at(object, "add");
  if (!req || !add) return std::nullopt;
  NamesAsk ask{*std::move(req), std::nullopt, *std::move(add), std::nullopt};
  if (object.contains("claim")) {
    ask.claim = name_at<UserId>(object, "claim");
    if (!ask.claim) return std::nullopt;
  }
  if (object.contains("after") || object.contains("through")) {
    const auto after = number_at(object, "after");
    const auto through = number_at(object, "through");
    if (!after || !through || *through < *after) return std::nullopt;
    ask.range = NamesAsk::Range{*after, *through};
  }
  return ask;
}

std::string format_names_answer(const NamesAnswer& answer) {
  json out{{"req", answer.req}, {"through", answer.through}};
  if (answer.free) out["free"] = *answer.free;
  return dump(out);
}

std::optional<NamesAnswer> parse_names_answer(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = names_request_at(object);
  const auto through = number_at(object, "through");
  if (!req || !through) return std::nullopt;
  NamesAnswer answer{*std::move(req), *through, std::nullopt};
  const auto free = object.find("free");
  if (free == object.end()) return answer;
  if (!free->is_boolean()) return std::nullopt;
  answer.free = free->get<bool>();
  return answer;
}

}  // namespace duet
