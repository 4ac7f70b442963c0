#include "store_service/requests.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/json_codec.h"
#include "store_service/cursor.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, Method>, 11> kMethods{{
    {"history", Method::history},
    {"conversations", Method::conversations},
    {"sync", Method::sync},
    {"presence", Method::presence},
    {"block", Method::block},
    {"unblock", Method::unblock},
    {"blocks", Method::blocks},
    {"devices", Method::devices},
    {"accept", Method::accept},
    {"mute", Method::mute},
    {"unmute", Method::unmute},
}};

std::size_t limit_of(const RequestPayload& request) {
  return std::min(request.limit.value_or(kDefaultLimit), kMaxLimit);
}

// Leaves the body out of an envelope, or of the summary of a conversation. `max_bytes`: what the item needs.
void leave_out_body(json& item, std::size_t max_bytes) {
  const auto last = item.find("last");
  json& envelope = last != item.end() ? *last : item;
  if (envelope.erase("body") > 0) envelope["omitted"] = max_bytes;
}

// How many of the items, taken in the given order, fit a page: at least the first, which may have lost its
// body. `too_large` if the first does not fit without its body either.
template <typename Iterator>
Result<std::size_t, Refusal> fitting(Iterator first, Iterator last, const PageLimits& limits) {
  constexpr std::size_t kComma = 1;
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (; first != last; ++first, ++count) {
    auto size = dump(*first).size() + kComma;
    if (size > limits.item) {
      leave_out_body(*first, limits.around + size);
      size = dump(*first).size() + kComma;
    }
    if (size > limits.item && count == 0) {
      return Failure<Refusal>({ErrorCode::too_large, "no page fits 'max_bytes'", limits.around + size});
    }
    bytes += size;
    if ((size > limits.item || bytes > limits.items) && count > 0) break;
  }
  return count;
}

json marks_json(const Marks& marks) {
  return {{"delivered", marks.delivered}, {"read", marks.read}};
}

json summary_json(const ConversationSummary& summary, Timestamp now) {
  json out{{"peer", summary.peer.str()},
           {"last", to_json(summary.last)},
           {"unread", summary.unread},
           {"mine", marks_json(summary.mine)},
           {"theirs", marks_json(summary.theirs)},
           {"blocked", summary.blocked}};
  if (summary.request) out["request"] = true;
  if (summary.mute && summary.mute->in_force(now)) {
    out["muted"] = true;
    if (const auto& until = summary.mute->until) out["muted_until"] = until->time_since_epoch().count();
  }
  return out;
}

std::string_view kind_name(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::message:
      return "msg";
    case Change::Kind::sent:
      return "sent";
    case Change::Kind::receipt:
      return "receipt";
  }
  return "";
}

json change_json(const Change& change, std::string_view epoch) {
  json out = std::visit([](const auto& content) { return to_json(content); }, change.content);
  out["kind"] = kind_name(change.kind);
  // A message names both its users, a receipt only the one who gave it.
  if (change.kind == Change::Kind::receipt) out["peer"] = change.peer.str();
  out["cur"] = format_cursor(epoch, change.log_number);
  return out;
}

// A place in the log that a cursor names, or why it names none.
Result<LogNumber, Refusal> place_of(const std::string& cursor, std::string_view epoch, StoreReader& reader) {
  const auto place = parse_cursor(cursor, epoch);
  if (!place || *place > reader.last_log_number()) {
    return refuse(ErrorCode::reset, "this cursor is not of this store: take a snapshot");
  }
  return *place;
}

}  // namespace

std::optional<Method> parse_method(std::string_view text) {
  for (const auto& [name, method] : kMethods) {
    if (name == text) return method;
  }
  return std::nullopt;
}

Result<UserId, Refusal> peer_of(const UserId& me, const RequestPayload& request) {
  if (!request.with) return refuse(ErrorCode::malformed, "'with' is missing");
  if (*request.with == me) return refuse(ErrorCode::malformed, "'with' is yourself");
  return *request.with;
}

PageLimits page_limits(const ReplyTo& to) {
  if (!to.max_bytes) return {};
  constexpr std::size_t kResultBytes = 160;  // of a result without items; its cursor is the longest part
  const auto around = reply_packet_bytes(to, format_reply(to, json::object()).size() + kResultBytes);
  const auto item = *to.max_bytes > around ? *to.max_bytes - around : 0;
  return {.items = std::min(kMaxPageBytes, item), .item = item, .around = around};
}

Answer answer_history(StoreReader& reader, const UserId& me, const RequestPayload& request,
                      const PageLimits& limits) {
  const auto peer = peer_of(me, request);
  if (!peer) return Failure<Refusal>(peer.error());
  if (request.before_cursor) return refuse(ErrorCode::malformed, "'before' is not a seq");
  if (request.before_seq && request.after) {
    return refuse(ErrorCode::malformed, "'before' and 'after' exclude one another");
  }
  const auto page =
      reader.history(me, *peer, request.before_seq, request.after, limit_of(request), limits.items);
  std::vector<json> messages;
  messages.reserve(page.items.size());
  for (const auto& envelope : page.items) messages.push_back(to_json(envelope));
  // A page grows away from where the reader stands: onwards from `after`, else backwards.
  const auto count = request.after ? fitting(messages.begin(), messages.end(), limits)
                                   : fitting(messages.rbegin(), messages.rend(), limits);
  if (!count) return Failure<Refusal>(count.error());
  const bool cut = *count < messages.size();
  if (request.after) {
    messages.resize(*count);
  } else {
    messages.erase(messages.begin(), messages.end() - static_cast<std::ptrdiff_t>(*count));
  }
  return json{{"messages", std::move(messages)}, {"more", page.more || cut}};
}

Answer answer_conversations(StoreReader& reader, std::string_view epoch, const UserId& me,
                            const RequestPayload& request, Timestamp now, const PageLimits& limits) {
  if (request.before_seq) return refuse(ErrorCode::malformed, "'before' is not a cursor");
  std::optional<LogNumber> before;
  if (request.before_cursor) {
    const auto place = place_of(*request.before_cursor, epoch, reader);
    if (!place) return Failure<Refusal>(place.error());
    before = *place;
  }
  const auto page = reader.conversations(me, before, limit_of(request), limits.items);
  std::vector<json> conversations;
  conversations.reserve(page.items.size());
  for (const auto& item : page.items) conversations.push_back(summary_json(item.summary, now));
  const auto count = fitting(conversations.begin(), conversations.end(), limits);
  if (!count) return Failure<Refusal>(count.error());
  const bool cut = *count < conversations.size();
  conversations.resize(*count);
  const LogNumber last = *count > 0 ? page.items[*count - 1].last_log_number : before.value_or(0);
  return json{{"conversations", std::move(conversations)},
              {"more", page.more || cut},
              {"cursor", format_cursor(epoch, last)}};
}

Answer answer_sync(StoreReader& reader, std::string_view epoch, const UserId& me,
                   const RequestPayload& request, const PageLimits& limits) {
  LogNumber after = 0;
  if (request.cursor) {
    const auto place = place_of(*request.cursor, epoch, reader);
    if (!place) return Failure<Refusal>(place.error());
    after = *place;
  }
  const auto page = reader.changes(me, after, limit_of(request), limits.items);
  std::vector<json> changes;
  changes.reserve(page.items.size());
  for (const auto& change : page.items) changes.push_back(change_json(change, epoch));
  const auto count = fitting(changes.begin(), changes.end(), limits);
  if (!count) return Failure<Refusal>(count.error());
  const bool cut = *count < changes.size();
  changes.resize(*count);
  // Nothing new: the place stays the one that was given, which is never behind what the user has seen.
  const LogNumber last = *count > 0 ? page.items[*count - 1].log_number : after;
  return json{
      {"changes", std::move(changes)}, {"cursor", format_cursor(epoch, last)}, {"live", !page.more && !cut}};
}

Answer answer_blocks(StoreReader& reader, const UserId& me) {
  auto users = json::array();
  for (const auto& user : reader.blocked_by(me)) users.push_back(user.str());
  return json{{"users", std::move(users)}};
}

Refusal no_presence() {
  return {ErrorCode::not_found, "there is no conversation with this user, or no presence of theirs to see"};
}

Refusal no_conversation() {
  return {ErrorCode::not_found, "there is no conversation with this user"};
}

Refusal no_request() {
  return {ErrorCode::not_found, "this user has begun no conversation with you"};
}

Answer answer_devices(std::vector<DeviceRow> rows, const std::vector<DeviceId>& online, Timestamp now) {
  for (const auto& device : online) {
    const auto known =
        std::find_if(rows.begin(), rows.end(), [&](const DeviceRow& row) { return row.device == device; });
    if (known == rows.end()) {
      rows.push_back({device, now, "", ""});
    } else {
      known->last_seen = now;
    }
  }
  auto devices = json::array();
  for (const auto& row : rows) {
    const bool is_online = std::find(online.begin(), online.end(), row.device) != online.end();
    json device{
        {"device", row.device.str()}, {"online", is_online}, {"last_seen", nullptr}, {"push", nullptr}};
    if (row.last_seen) device["last_seen"] = row.last_seen->time_since_epoch().count();
    if (!row.push_refused.empty()) {
      device["push_refused"] = row.push_refused;
    } else if (!row.push_platform.empty()) {
      device["push"] = row.push_platform;
    }
    devices.push_back(std::move(device));
  }
  return json{{"devices", std::move(devices)}};
}

}  // namespace duet
