#include "protocol/service_payload.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"

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

bool flag_at(const json& object, const char* name) {
  const auto flag = object.find(name);
  return flag != object.end() && flag->is_boolean() && flag->get<bool>();
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

}  // namespace duet
