#include "protocol/push_payload.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"
#include "protocol/json_members.h"
#include "protocol/utf8.h"

namespace duet {
namespace {

using nlohmann::json;

json event_json(const PushMessage& message) {
  return {{"log", message.log},
          {"kind", "msg"},
          {"from", message.from.str()},
          {"to", message.to.str()},
          {"seq", message.seq},
          {"id", message.id.str()},
          {"ts", message.ts.time_since_epoch().count()}};
}

json event_json(const PushReceipt& receipt) {
  json out{{"log", receipt.log},
           {"kind", "receipt"},
           {"by", receipt.by.str()},
           {"peer", receipt.peer.str()},
           {"delivered", receipt.delivered},
           {"read", receipt.read}};
  if (receipt.device) out["device"] = receipt.device->str();
  return out;
}

json event_json(const PushEvent& event) {
  return std::visit([](const auto& one) { return event_json(one); }, event);
}

std::optional<PushEvent> push_message_from(const json& object) {
  const auto log = number_at(object, "log");
  auto from = name_at<UserId>(object, "from");
  auto to = name_at<UserId>(object, "to");
  const auto seq = number_at(object, "seq");
  auto id = name_at<MessageId>(object, "id");
  const auto ts = number_at(object, "ts");
  if (!log || !from || !to || !seq || !id || !ts) return std::nullopt;
  return PushMessage{*log, *std::move(from), *std::move(to), *seq, *std::move(id), to_timestamp(*ts)};
}

std::optional<PushEvent> push_receipt_from(const json& object) {
  const auto log = number_at(object, "log");
  auto by = name_at<UserId>(object, "by");
  auto peer = name_at<UserId>(object, "peer");
  const auto delivered = number_at(object, "delivered");
  const auto read = number_at(object, "read");
  if (!log || !by || !peer || !delivered || !read) return std::nullopt;
  PushReceipt receipt{*log, *std::move(by), *std::move(peer), *delivered, *read, std::nullopt};
  if (!object.contains("device")) return receipt;
  receipt.device = name_at<DeviceId>(object, "device");
  return receipt.device ? std::optional<PushEvent>(std::move(receipt)) : std::nullopt;
}

std::optional<PushEvent> push_event_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto kind = string_at(object, "kind");
  if (kind == "msg") return push_message_from(object);
  return kind == "receipt" ? push_receipt_from(object) : std::nullopt;
}

// The array at `name`, each of its items made by `make`; nullopt when one cannot be, or there are more than
// `max`.
template <typename T, typename Make>
std::optional<std::vector<T>> list_at(const json& object, const char* name, std::size_t max, Make make) {
  const auto list = object.find(name);
  if (list == object.end() || !list->is_array() || list->size() > max) return std::nullopt;
  std::vector<T> out;
  out.reserve(list->size());
  for (const auto& item : *list) {
    auto made = make(item);
    if (!made) return std::nullopt;
    out.push_back(*std::move(made));
  }
  return out;
}

std::optional<std::string> short_text_at(const json& object, const char* name, std::size_t max_bytes) {
  auto text = string_at(object, name);
  return text && text->size() <= max_bytes ? std::move(text) : std::nullopt;
}

std::optional<bool> bool_at(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_boolean()) return std::nullopt;
  return member->get<bool>();
}

std::optional<PushCheck::Pair> check_pair_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto user = name_at<UserId>(object, "user");
  auto peer = name_at<UserId>(object, "peer");
  if (!user || !peer) return std::nullopt;
  PushCheck::Pair pair{*std::move(user), *std::move(peer)};
  if (!object.contains("preview")) return pair;
  pair.preview = number_at(object, "preview");
  return pair.preview ? std::optional(std::move(pair)) : std::nullopt;
}

std::optional<PushDevices::Entry> push_device_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto user = name_at<UserId>(object, "user");
  auto device = name_at<DeviceId>(object, "device");
  if (!user || !device) return std::nullopt;
  PushDevices::Entry entry{{*std::move(user), *std::move(device)}, {}};
  if (!object.contains("refused")) return entry;
  auto refused = short_text_at(object, "refused", kMaxRefusedBytes);
  if (!refused || refused->empty()) return std::nullopt;
  entry.refused = *std::move(refused);
  return entry;
}

std::optional<PushUsersTold> told_from(const json& object, const char* pages_name) {
  auto set = short_text_at(object, "set", kMaxUserSetBytes);
  const auto pages = number_at(object, pages_name);
  if (!set || set->empty() || !pages || *pages == 0) return std::nullopt;
  return PushUsersTold{*std::move(set), *pages};
}

void put_told(const std::optional<PushUsersTold>& told, json& object) {
  if (!told) return;
  object["set"] = told->set;
  object["pages"] = told->pages;
}

using StandingOrNone = std::optional<PushCheckAnswer::Standing>;

std::optional<StandingOrNone> check_standing_from(const json& value) {
  if (value.is_null()) return StandingOrNone();
  if (!value.is_object()) return std::nullopt;
  const auto read = number_at(value, "read");
  const auto last = number_at(value, "last");
  const auto blocked = bool_at(value, "blocked");
  const auto muted = bool_at(value, "muted");
  const auto badge = number_at(value, "badge");
  if (!read || !last || !blocked || !muted || !badge) return std::nullopt;
  PushCheckAnswer::Standing standing{*read, *last, *blocked, *muted, *badge};
  if (!value.contains("text")) return StandingOrNone(std::move(standing));
  const auto text = string_at(value, "text");
  if (!text) return std::nullopt;
  standing.text = preview_of(*text);  // a later store may say more
  return StandingOrNone(std::move(standing));
}

json standing_json(const PushCheckAnswer::Standing& standing) {
  json out{{"read", standing.read},
           {"last", standing.last},
           {"blocked", standing.blocked},
           {"muted", standing.muted},
           {"badge", standing.badge}};
  if (standing.text) out["text"] = *standing.text;
  return out;
}

// How many bytes of a JSON string the byte becomes (RFC 8259 7), as dump() writes it.
std::size_t json_bytes(char byte) {
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  if (kShort.find(byte) != std::string_view::npos) return 2;
  constexpr unsigned char kFirstPrintable = 0x20;
  return static_cast<unsigned char>(byte) < kFirstPrintable ? 6 : 1;
}

}  // namespace

std::string_view preview_of(std::string_view body) {
  std::size_t end = 0;
  for (std::size_t json_size = 0; end < std::min(body.size(), kMaxPreviewBytes); ++end) {
    json_size += json_bytes(body[end]);
    if (json_size > kMaxPreviewJsonBytes) break;
  }
  while (end > 0 && end < body.size() && continues_character(body[end])) --end;
  return body.substr(0, end);
}

std::string format_push_users(const PushUsers& users) {
  json names = json::array();
  for (const auto& user : users.users) names.push_back(user.str());
  return dump({{"set", users.told.set}, {"page", users.told.pages}, {"users", std::move(names)}});
}

std::optional<PushUsers> parse_push_users(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto told = told_from(object, "page");
  auto users = list_at<UserId>(object, "users", kMaxPushUsers, [](const json& name) {
    return name.is_string() ? UserId::parse(name.get<std::string>()) : std::nullopt;
  });
  if (!told || !users) return std::nullopt;
  return PushUsers{*std::move(told), *std::move(users)};
}

std::string format_push_feed_ask(const PushFeedAsk& ask) {
  json out{{"epoch", ask.epoch}, {"after", ask.after}};
  put_told(ask.only, out);
  return dump(out);
}

std::optional<PushFeedAsk> parse_push_feed_ask(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto epoch = short_text_at(object, "epoch", kMaxEpochBytes);
  const auto after = number_at(object, "after");
  if (!epoch || !after) return std::nullopt;
  PushFeedAsk ask{*std::move(epoch), *after};
  if (!object.contains("set")) return ask;
  ask.only = told_from(object, "pages");
  return ask.only ? std::optional(std::move(ask)) : std::nullopt;
}

std::uint64_t log_of(const PushEvent& event) {
  return std::visit([](const auto& one) { return one.log; }, event);
}

std::size_t max_size_on_page(const PushEvent& event) {
  constexpr std::size_t kRest = 128;  // the members' names and three numbers of 16 digits
  if (const auto* message = std::get_if<PushMessage>(&event)) {
    return kRest + message->from.str().size() + message->to.str().size() + message->id.str().size();
  }
  const auto& receipt = std::get<PushReceipt>(event);
  const std::size_t device = receipt.device ? receipt.device->str().size() : 0;
  return kRest + receipt.by.str().size() + receipt.peer.str().size() + device;
}

std::string format_push_feed_page(const PushFeedPage& page) {
  if (page.reset) return dump({{"epoch", page.epoch}, {"reset", true}, {"through", page.through}});
  json events = json::array();
  for (const auto& event : page.events) events.push_back(event_json(event));
  json out{{"epoch", page.epoch},
           {"after", page.after},
           {"through", page.through},
           {"more", page.more},
           {"events", std::move(events)}};
  put_told(page.only, out);
  return dump(out);
}

std::optional<PushFeedPage> parse_push_feed_page(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto epoch = short_text_at(object, "epoch", kMaxEpochBytes);
  const auto through = number_at(object, "through");
  if (!epoch || !through) return std::nullopt;
  if (flag_at(object, "reset")) return PushFeedPage{.epoch = *epoch, .reset = true, .through = *through};
  const auto after = number_at(object, "after");
  const auto more = bool_at(object, "more");
  auto events = list_at<PushEvent>(object, "events", kPushFeedEvents, push_event_from);
  if (!after || !more || !events) return std::nullopt;
  auto last = *after;
  for (const auto& event : *events) {
    if (log_of(event) <= last) return std::nullopt;
    last = log_of(event);
  }
  if (*through < last) return std::nullopt;
  PushFeedPage page{*std::move(epoch), false, *after, *through, *more, *std::move(events)};
  if (!object.contains("set")) return page;
  page.only = told_from(object, "pages");
  return page.only ? std::optional(std::move(page)) : std::nullopt;
}

bool has_preview(std::string_view type) {
  constexpr std::string_view kText = "text/";  // in any case of letters (RFC 2045 5.1)
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(type.substr(0, kText.size()), kText, {}, lower);
}

std::string format_push_check(const PushCheck& check) {
  json pairs = json::array();
  for (const auto& pair : check.of) {
    json one{{"user", pair.user.str()}, {"peer", pair.peer.str()}};
    if (pair.preview) one["preview"] = *pair.preview;
    pairs.push_back(std::move(one));
  }
  return dump({{"req", check.req}, {"of", std::move(pairs)}});
}

std::optional<PushCheck> parse_push_check(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = short_text_at(object, "req", kMaxCheckRequestBytes);
  auto pairs = list_at<PushCheck::Pair>(object, "of", kMaxPushChecks, check_pair_from);
  if (!req || !pairs) return std::nullopt;
  const auto previews =
      std::ranges::count_if(*pairs, [](const auto& pair) { return pair.preview.has_value(); });
  if (static_cast<std::size_t>(previews) > kMaxPushPreviews) return std::nullopt;
  return PushCheck{*std::move(req), *std::move(pairs)};
}

std::string format_push_check_answer(const PushCheckAnswer& answer) {
  json list = json::array();
  for (const auto& one : answer.of) list.push_back(one ? standing_json(*one) : json());
  return dump({{"req", answer.req}, {"of", std::move(list)}});
}

std::optional<PushCheckAnswer> parse_push_check_answer(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = short_text_at(object, "req", kMaxCheckRequestBytes);
  auto standings = list_at<StandingOrNone>(object, "of", kMaxPushChecks, check_standing_from);
  if (!req || !standings) return std::nullopt;
  return PushCheckAnswer{*std::move(req), *std::move(standings)};
}

std::string format_push_devices(const PushDevices& devices) {
  json list = json::array();
  for (const auto& [device, refused] : devices.of) {
    json one{{"user", device.user.str()}, {"device", device.device.str()}};
    if (!refused.empty()) one["refused"] = refused;
    list.push_back(std::move(one));
  }
  return dump({{"req", devices.req}, {"of", std::move(list)}});
}

std::optional<PushDevices> parse_push_devices(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = short_text_at(object, "req", kMaxCheckRequestBytes);
  auto list = list_at<PushDevices::Entry>(object, "of", kMaxPushDevices, push_device_from);
  if (!req || !list) return std::nullopt;
  return PushDevices{*std::move(req), *std::move(list)};
}

std::string format_push_devices_stored(const PushDevicesStored& stored) {
  return dump({{"req", stored.req}});
}

std::optional<PushDevicesStored> parse_push_devices_stored(std::string_view payload) {
  const auto object = json::parse(payload, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  auto req = short_text_at(object, "req", kMaxCheckRequestBytes);
  if (!req) return std::nullopt;
  return PushDevicesStored{*std::move(req)};
}

}  // namespace duet
