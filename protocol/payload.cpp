#include "protocol/payload.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/json_fields.h"

namespace duet {
namespace {

constexpr std::size_t kMaxReqBytes = 64;
constexpr std::size_t kMaxCursorBytes = 256;
constexpr std::size_t kMaxTypeBytes = 127;

template <typename T>
const T* value_if(const JsonField& field) {
  return std::get_if<T>(&field);
}

bool absent(const JsonField& field) {
  return value_if<Absent>(field) != nullptr;
}

auto malformed(std::string message) {
  return refuse(ErrorCode::malformed, std::move(message));
}

template <std::size_t N>
Result<std::vector<JsonField>, Refusal> parse_fields(std::string_view payload, std::size_t max_bytes,
                                                     const std::array<std::string_view, N>& names) {
  if (payload.size() > max_bytes) {
    return refuse(ErrorCode::too_large, "the payload is larger than " + std::to_string(max_bytes) + " bytes");
  }
  return parse_json_fields(payload, names);
}

bool valid_media_type(std::string_view type) {
  return !type.empty() && type.size() <= kMaxTypeBytes &&
         std::all_of(type.begin(), type.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

const Seq* seq_if(const JsonField& field) {
  const auto* seq = value_if<Seq>(field);
  return seq != nullptr && *seq >= 1 && *seq <= kMaxSeq ? seq : nullptr;
}

// Fills `out` from the field. Returns the refusal when the field is there and not a seq.
std::optional<Refusal> take_seq(const JsonField& field, std::string_view name, std::optional<Seq>& out) {
  if (absent(field)) return std::nullopt;
  const auto* seq = value_if<Seq>(field);
  // Paging may start before the first message: 0 is a place in history, though not a seq.
  if (seq == nullptr || *seq > kMaxSeq) {
    return Refusal{ErrorCode::malformed, "'" + std::string(name) + "' is not a seq"};
  }
  out = *seq;
  return std::nullopt;
}

std::optional<Refusal> take_cursor(const JsonField& field, std::string_view name,
                                   std::optional<std::string>& out) {
  if (absent(field)) return std::nullopt;
  const auto* cursor = value_if<std::string>(field);
  if (cursor == nullptr || cursor->empty() || cursor->size() > kMaxCursorBytes) {
    return Refusal{ErrorCode::malformed, "'" + std::string(name) + "' is not a cursor of at most 256 bytes"};
  }
  out = *cursor;
  return std::nullopt;
}

std::optional<Refusal> take_count(const JsonField& field, std::string_view name,
                                  std::optional<std::uint64_t>& out) {
  if (absent(field)) return std::nullopt;
  const auto* number = value_if<std::uint64_t>(field);
  if (number == nullptr || *number == 0) {
    return Refusal{ErrorCode::malformed, "'" + std::string(name) + "' is not a positive number"};
  }
  out = *number;
  return std::nullopt;
}

// null: none.
std::optional<Refusal> take_time(const JsonField& field, std::string_view name,
                                 std::optional<Timestamp>& out) {
  if (absent(field) || value_if<Null>(field) != nullptr) return std::nullopt;
  const auto* ms = value_if<std::uint64_t>(field);
  if (ms == nullptr || *ms > kMaxSeq) {
    return Refusal{ErrorCode::malformed, "'" + std::string(name) + "' is not a time in milliseconds"};
  }
  out = Timestamp(std::chrono::milliseconds(*ms));
  return std::nullopt;
}

std::optional<Refusal> take_parameters(const std::vector<JsonField>& fields, RequestPayload& out) {
  const auto& [with, before, after, cursor, limit, until, max_bytes] =
      std::tie(fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[7]);
  if (!absent(with)) {
    const auto* text = value_if<std::string>(with);
    out.with = text != nullptr ? UserId::parse(*text) : std::nullopt;
    if (!out.with) return Refusal{ErrorCode::malformed, "'with' is not a user name"};
  }
  if (value_if<std::string>(before) != nullptr) {
    if (auto refusal = take_cursor(before, "before", out.before_cursor)) return refusal;
  } else if (auto refusal = take_seq(before, "before", out.before_seq)) {
    return refusal;
  }
  if (auto refusal = take_seq(after, "after", out.after)) return refusal;
  if (value_if<Null>(cursor) == nullptr) {  // "cursor": null is how many SDKs say "none"
    if (auto refusal = take_cursor(cursor, "cursor", out.cursor)) return refusal;
  }
  if (auto refusal = take_count(limit, "limit", out.limit)) return refusal;
  if (auto refusal = take_count(max_bytes, "max_bytes", out.max_bytes)) return refusal;
  return take_time(until, "until", out.until);
}

}  // namespace

Result<MessagePayload, Refusal> parse_message(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 3> kNames{"id", "body", "type"};
  auto fields = parse_fields(payload, limits.message_payload_bytes, kNames);
  if (!fields) return Failure<Refusal>(std::move(fields).error());

  MessagePayload message;
  if (const auto& id = (*fields)[0]; !absent(id)) {
    const auto* text = value_if<std::string>(id);
    message.id = text != nullptr ? MessageId::parse(*text) : std::nullopt;
    if (!message.id) return malformed("'id' is not 1 to 64 characters of A-Z a-z 0-9 . _ -");
  }
  auto* body = std::get_if<std::string>(&(*fields)[1]);
  if (body == nullptr) return malformed("'body' is missing or not a string");
  if (body->size() > limits.body_bytes) {
    return refuse(ErrorCode::too_large,
                  "the body is larger than " + std::to_string(limits.body_bytes) + " bytes");
  }
  message.body = std::move(*body);
  message.type = kDefaultMessageType;
  if (auto& type = (*fields)[2]; !absent(type)) {
    auto* text = std::get_if<std::string>(&type);
    if (text == nullptr || !valid_media_type(*text)) return malformed("'type' is not a media type");
    message.type = std::move(*text);
  }
  return message;
}

Result<ReceiptPayload, Refusal> parse_receipt(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 2> kNames{"delivered", "read"};
  auto fields = parse_fields(payload, limits.other_payload_bytes, kNames);
  if (!fields) return Failure<Refusal>(std::move(fields).error());

  const auto& [delivered, read] = std::tie((*fields)[0], (*fields)[1]);
  if (absent(delivered) && absent(read)) return malformed("neither 'delivered' nor 'read' is given");
  ReceiptPayload receipt;
  if (!absent(delivered)) {
    const auto* seq = seq_if(delivered);
    if (seq == nullptr) return malformed("'delivered' is not a seq");
    receipt.delivered = *seq;
  }
  if (!absent(read)) {
    const auto* seq = seq_if(read);
    if (seq == nullptr) return malformed("'read' is not a seq");
    receipt.read = *seq;
    receipt.delivered = std::max(receipt.delivered, receipt.read);
  }
  return receipt;
}

Result<bool, Refusal> parse_typing(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 1> kNames{"typing"};
  auto fields = parse_fields(payload, limits.other_payload_bytes, kNames);
  if (!fields) return Failure<Refusal>(std::move(fields).error());
  const auto* typing = value_if<bool>(fields->front());
  if (typing == nullptr) return malformed("'typing' is missing or not a boolean");
  return *typing;
}

Result<DeviceState, Refusal> parse_presence(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 1> kNames{"state"};
  auto fields = parse_fields(payload, limits.other_payload_bytes, kNames);
  if (!fields) return Failure<Refusal>(std::move(fields).error());
  const auto* state = value_if<std::string>(fields->front());
  if (state != nullptr && *state == "online") return DeviceState::online;
  if (state != nullptr && *state == "offline") return DeviceState::offline;
  return malformed("'state' is neither \"online\" nor \"offline\"");
}

Result<PushPayload, Refusal> parse_push(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 2> kNames{"platform", "token"};
  auto fields = parse_fields(payload, limits.other_payload_bytes, kNames);
  if (!fields) return Failure<Refusal>(std::move(fields).error());
  const auto& [platform, token] = std::tie((*fields)[0], (*fields)[1]);
  if (value_if<Null>(platform) != nullptr) return PushPayload{};
  const auto* name = value_if<std::string>(platform);
  if (name == nullptr || (*name != "fcm" && *name != "apns" && *name != "webpush")) {
    return malformed("'platform' is not \"fcm\", \"apns\", \"webpush\" or null");
  }
  const auto* other = value_if<OtherJson>(token);
  if (value_if<std::string>(token) == nullptr && (other == nullptr || !other->object)) {
    return malformed("'token' is missing or neither a string nor an object");
  }
  return PushPayload{*name};
}

Result<RequestPayload, RequestRefusal> parse_request(std::string_view payload, const PayloadLimits& limits) {
  static constexpr std::array<std::string_view, 8> kNames{"req",    "with",  "before", "after",
                                                          "cursor", "limit", "until",  "max_bytes"};
  auto fields = parse_fields(payload, limits.other_payload_bytes, kNames);
  if (!fields) return Failure<RequestRefusal>({"", std::move(fields).error()});

  RequestPayload request;
  const auto* req = value_if<std::string>(fields->front());
  if (req == nullptr || req->empty() || req->size() > kMaxReqBytes) {
    return Failure<RequestRefusal>({"", {ErrorCode::malformed, "'req' is not a string of 1 to 64 bytes"}});
  }
  request.req = *req;
  if (auto refusal = take_parameters(*fields, request)) {
    return Failure<RequestRefusal>({std::move(request.req), *std::move(refusal)});
  }
  return request;
}

std::optional<MessageId> find_message_id(std::string_view payload) {
  static constexpr std::array<std::string_view, 1> kNames{"id"};
  const auto fields = parse_json_fields(payload, kNames);
  if (!fields) return std::nullopt;
  const auto* id = value_if<std::string>(fields->front());
  return id != nullptr ? MessageId::parse(*id) : std::nullopt;
}

std::string format_message(const MessagePayload& message) {
  nlohmann::json json{{"body", message.body}};
  if (message.id) json["id"] = message.id->str();
  if (message.type != kDefaultMessageType) json["type"] = message.type;
  return json.dump();
}

std::string format_receipt(const ReceiptPayload& receipt) {
  nlohmann::json json = nlohmann::json::object();
  if (receipt.delivered > receipt.read) json["delivered"] = receipt.delivered;
  if (receipt.read > 0) json["read"] = receipt.read;
  return json.dump();
}

std::string format_typing(bool typing) {
  return typing ? R"({"typing":true})" : R"({"typing":false})";
}

std::string format_presence(DeviceState state) {
  return state == DeviceState::online ? R"({"state":"online"})" : R"({"state":"offline"})";
}

std::string format_request(const RequestPayload& request) {
  nlohmann::json json{{"req", request.req}};
  if (request.with) json["with"] = request.with->str();
  if (request.before_seq) json["before"] = *request.before_seq;
  if (request.before_cursor) json["before"] = *request.before_cursor;
  if (request.after) json["after"] = *request.after;
  if (request.cursor) json["cursor"] = *request.cursor;
  if (request.limit) json["limit"] = *request.limit;
  if (request.until) json["until"] = request.until->time_since_epoch().count();
  if (request.max_bytes) json["max_bytes"] = *request.max_bytes;
  return json.dump();
}

}  // namespace duet
