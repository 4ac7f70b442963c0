#include "protocol/topic.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace duet {
namespace {

template <typename Kind, std::size_t N>
using KindTable = std::array<std::pair<Kind, std::string_view>, N>;

constexpr KindTable<OutKind, 3> kOutKinds{
    {{OutKind::message, "msg"}, {OutKind::receipt, "receipt"}, {OutKind::typing, "typing"}}};
constexpr KindTable<InKind, 5> kInKinds{{{InKind::message, "msg"},
                                         {InKind::sent, "sent"},
                                         {InKind::receipt, "receipt"},
                                         {InKind::typing, "typing"},
                                         {InKind::presence, "presence"}}};
constexpr KindTable<DeviceKind, 5> kDeviceKinds{{{DeviceKind::presence, "presence"},
                                                 {DeviceKind::push, "push"},
                                                 {DeviceKind::request, "req"},
                                                 {DeviceKind::reply, "reply"},
                                                 {DeviceKind::error, "error"}}};
constexpr KindTable<ServiceKind, 10> kServiceKinds{{{ServiceKind::token, "token"},
                                                    {ServiceKind::blocks, "blocks"},
                                                    {ServiceKind::presence, "presence"},
                                                    {ServiceKind::revocations, "revocations"},
                                                    {ServiceKind::typing, "typing"},
                                                    {ServiceKind::feed, "feed"},
                                                    {ServiceKind::check, "check"},
                                                    {ServiceKind::names, "names"},
                                                    {ServiceKind::devices, "devices"},
                                                    {ServiceKind::users, "users"}}};
constexpr std::array<std::string_view, 4> kRoles{"store", "push", "auth", "broker"};

template <typename Kind, std::size_t N>
std::optional<Kind> find_kind(const KindTable<Kind, N>& table, std::string_view text) {
  for (const auto& [kind, known] : table) {
    if (known == text) return kind;
  }
  return std::nullopt;
}

template <typename Kind, std::size_t N>
std::string_view name_of(const KindTable<Kind, N>& table, Kind kind) {
  for (const auto& [known, text] : table) {
    if (known == kind) return text;
  }
  return {};
}

// A topic name cut at its `/`. No topic of ours has more than six levels.
struct Levels {
  static constexpr std::size_t kMax = 6;
  std::array<std::string_view, kMax> at;
  std::size_t count = 0;
};

std::optional<Levels> split(std::string_view name) {
  Levels levels;
  while (levels.count < Levels::kMax) {
    const auto slash = name.find('/');
    levels.at[levels.count++] = name.substr(0, slash);
    if (slash == std::string_view::npos) return levels;
    name.remove_prefix(slash + 1);
  }
  return std::nullopt;
}

// The grammar of each kind of topic, without a copy. The parsers below take levels that have passed.

bool valid_device_topic(const Levels& levels) {
  const auto kind = find_kind(kDeviceKinds, levels.at[4]);
  if (!kind || !DeviceId::valid(levels.at[3])) return false;
  if (*kind == DeviceKind::request) return levels.count == 6 && DeviceId::valid(levels.at[5]);
  return levels.count == 5;
}

bool valid_user_topic(const Levels& levels) {
  if (levels.count < 5 || !UserId::valid(levels.at[1])) return false;
  if (levels.at[2] == "d") return valid_device_topic(levels);
  if (levels.count != 5 || !UserId::valid(levels.at[3])) return false;
  if (levels.at[2] == "out") return find_kind(kOutKinds, levels.at[4]).has_value();
  return levels.at[2] == "in" && find_kind(kInKinds, levels.at[4]).has_value();
}

std::optional<Partition> parse_partition(std::string_view text) {
  // "007" would not format back to itself.
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  Partition value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool valid_pipe_topic(const Levels& levels) {
  if (levels.count < 2 || !parse_partition(levels.at[1])) return false;
  if (levels.at[0] == "deliver") return levels.count == 2;
  if (levels.at[0] != "ingest") return false;
  return levels.count == 2 || (levels.count == 3 && levels.at[2] == "ctl");
}

bool valid_service_topic(const Levels& levels) {
  return levels.count == 3 && std::find(kRoles.begin(), kRoles.end(), levels.at[1]) != kRoles.end() &&
         find_kind(kServiceKinds, levels.at[2]).has_value();
}

bool valid_levels(const Levels& levels) {
  if (levels.at[0] == "u") return valid_user_topic(levels);
  if (levels.at[0] == "svc") return valid_service_topic(levels);
  return valid_pipe_topic(levels);
}

Topic parse_user_topic(const Levels& levels) {
  auto me = *UserId::parse(levels.at[1]);
  if (levels.at[2] == "d") {
    return DeviceTopic{Device{std::move(me), *DeviceId::parse(levels.at[3])},
                       *find_kind(kDeviceKinds, levels.at[4]), std::string(levels.at[5])};
  }
  auto peer = *UserId::parse(levels.at[3]);
  if (levels.at[2] == "out") {
    return OutTopic{std::move(me), std::move(peer), *find_kind(kOutKinds, levels.at[4])};
  }
  return InTopic{std::move(me), std::move(peer), *find_kind(kInKinds, levels.at[4])};
}

Topic parse_pipe_topic(const Levels& levels) {
  const auto partition = *parse_partition(levels.at[1]);
  if (levels.at[0] == "deliver") return PipeTopic{partition, PipeKind::deliver};
  return PipeTopic{partition, levels.count == 2 ? PipeKind::ingest : PipeKind::control};
}

Topic parse_service_topic(const Levels& levels) {
  return ServiceTopic{std::string(levels.at[1]), *find_kind(kServiceKinds, levels.at[2])};
}

template <typename... Parts>
std::string join(const Parts&... parts) {
  std::string topic;
  topic.reserve((std::string_view(parts).size() + ...) + sizeof...(parts));
  ((topic.append(std::string_view(parts)), topic += '/'), ...);
  topic.pop_back();
  return topic;
}

}  // namespace

bool valid_topic(std::string_view name) noexcept {
  const auto levels = split(name);
  return levels && valid_levels(*levels);
}

std::optional<Topic> parse_topic(std::string_view name) {
  const auto levels = split(name);
  if (!levels || !valid_levels(*levels)) return std::nullopt;
  if (levels->at[0] == "u") return parse_user_topic(*levels);
  if (levels->at[0] == "svc") return parse_service_topic(*levels);
  return parse_pipe_topic(*levels);
}

std::string format_topic(const OutTopic& topic) {
  return join("u", topic.me, "out", topic.peer, name_of(kOutKinds, topic.kind));
}

std::string format_topic(const DeviceTopic& topic) {
  const auto kind = name_of(kDeviceKinds, topic.kind);
  if (topic.kind == DeviceKind::request) {
    return join("u", topic.owner.user, "d", topic.owner.device, kind, topic.method);
  }
  return join("u", topic.owner.user, "d", topic.owner.device, kind);
}

std::string format_topic(const InTopic& topic) {
  return join("u", topic.me, "in", topic.peer, name_of(kInKinds, topic.kind));
}

std::string format_topic(const PipeTopic& topic) {
  const std::string partition = std::to_string(topic.partition);
  if (topic.kind == PipeKind::deliver) return join("deliver", partition);
  if (topic.kind == PipeKind::ingest) return join("ingest", partition);
  return join("ingest", partition, "ctl");
}

std::string format_topic(const ServiceTopic& topic) {
  return join("svc", topic.role, name_of(kServiceKinds, topic.kind));
}

std::string format_topic(const Topic& topic) {
  return std::visit([](const auto& one) { return format_topic(one); }, topic);
}

std::string inbox_filter(const UserId& me) {
  return join("u", me, "in", "#");
}

std::string device_filter(const Device& device) {
  return join("u", device.user, "d", device.device, "#");
}

bool valid_topic_filter(std::string_view filter) {
  if (filter.empty() || filter.size() > 65535 || filter.find('\0') != std::string_view::npos) return false;
  while (true) {
    const auto slash = filter.find('/');
    const auto level = filter.substr(0, slash);
    if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) return false;
    if (slash == std::string_view::npos) return true;
    if (level == "#") return false;
    filter.remove_prefix(slash + 1);
  }
}

}  // namespace duet
