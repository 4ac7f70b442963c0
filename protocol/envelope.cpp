#include "protocol/envelope.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/json_codec.h"
#include "protocol/json_members.h"

namespace duet {
namespace {

using nlohmann::json;

// Whether it is an object is asked by those who read it. Not copied: a copy goes as deep as the text is
// nested, down a stack that is finite.
json parse_text(std::string_view payload) {
  return json::parse(payload, nullptr, false);
}

}  // namespace

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// What is not UTF-8 does not survive being written.
bool is_utf8(const std::string& text) {
  return nlohmann::json::parse(dump(text)).get_ref<const std::string&>() == text;
}

json to_json(const Envelope& envelope) {
  json out{{"seq", envelope.seq},
           {"id", envelope.id.str()},
           {"from", envelope.from.str()},
           {"to", envelope.to.str()},
           {"ts", envelope.ts.time_since_epoch().count()},
           {"type", envelope.type},
           {"body", envelope.body}};
  if (!envelope.cursor.empty()) out["cur"] = envelope.cursor;
  if (envelope.duplicate) out["dup"] = true;
  return out;
}

std::optional<Envelope> envelope_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto seq = number_at(object, "seq");
  auto id = name_at<MessageId>(object, "id");
  auto from = name_at<UserId>(object, "from");
  auto to = name_at<UserId>(object, "to");
  const auto ts = number_at(object, "ts");
  auto type = string_at(object, "type");
  auto body = string_at(object, "body");
  if (!seq || !id || !from || !to || !ts || !type || !body) return std::nullopt;
  const auto dup = object.find("dup");
  return Envelope{*seq,
                  *std::move(id),
                  *std::move(from),
                  *std::move(to),
                  to_timestamp(*ts),
                  *std::move(type),
                  *std::move(body),
                  string_at(object, "cur").value_or(""),
                  dup != object.end() && dup->is_boolean() && dup->get<bool>()};
}

std::string format_envelope(const Envelope& envelope) {
  return dump(to_json(envelope));
}

std::optional<Envelope> parse_envelope(std::string_view payload) {
  return envelope_from(parse_text(payload));
}

json to_json(const Receipt& receipt) {
  json out{{"by", receipt.by.str()}, {"delivered", receipt.delivered}, {"read", receipt.read}};
  if (!receipt.cursor.empty()) out["cur"] = receipt.cursor;
  return out;
}

std::optional<Receipt> receipt_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  auto by = name_at<UserId>(object, "by");
  const auto delivered = number_at(object, "delivered");
  const auto read = number_at(object, "read");
  if (!by || !delivered || !read) return std::nullopt;
  return Receipt{*std::move(by), *delivered, *read, string_at(object, "cur").value_or("")};
}

std::string format_receipt_event(const Receipt& receipt) {
  return dump(to_json(receipt));
}

std::optional<Receipt> parse_receipt_event(std::string_view payload) {
  return receipt_from(parse_text(payload));
}

json to_json(const PeerPresence& presence) {
  json out{{"online", presence.online}, {"last_seen", nullptr}};
  if (presence.last_seen) out["last_seen"] = presence.last_seen->time_since_epoch().count();
  return out;
}

std::optional<PeerPresence> peer_presence_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto online = object.find("online");
  if (online == object.end() || !online->is_boolean()) return std::nullopt;
  PeerPresence presence{online->get<bool>(), std::nullopt};
  if (const auto seen = number_at(object, "last_seen")) presence.last_seen = to_timestamp(*seen);
  return presence;
}

std::string format_peer_presence(const PeerPresence& presence) {
  return dump(to_json(presence));
}

std::optional<PeerPresence> parse_peer_presence(std::string_view payload) {
  return peer_presence_from(parse_text(payload));
}

json to_json(const Refusal& refusal) {
  json out{{"code", to_string(refusal.code)}, {"message", refusal.message}};
  if (refusal.max_bytes) out["max_bytes"] = *refusal.max_bytes;
  return out;
}

std::optional<Refusal> refusal_from(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto text = string_at(object, "code");
  const auto code = text ? parse_error_code(*text) : std::nullopt;
  if (!code) return std::nullopt;
  return Refusal{*code, string_at(object, "message").value_or(""), number_at(object, "max_bytes")};
}

std::string format_error(const ErrorEvent& error) {
  json out = to_json(error.refusal);
  if (!error.topic.empty()) out["topic"] = error.topic;
  if (error.id) out["id"] = error.id->str();
  if (error.retry_after) out["retry_after_ms"] = error.retry_after->count();
  return dump(out);
}

std::optional<ErrorEvent> parse_error(std::string_view payload) {
  const json object = parse_text(payload);
  auto refusal = refusal_from(object);
  if (!refusal) return std::nullopt;
  ErrorEvent error{*std::move(refusal), string_at(object, "topic").value_or(""),
                   name_at<MessageId>(object, "id"), std::nullopt};
  if (const auto ms = number_at(object, "retry_after_ms")) error.retry_after = std::chrono::milliseconds(*ms);
  return error;
}

std::string format_error_reply(std::string_view req, std::string_view method, const Refusal& refusal) {
  return dump(json{{"req", req}, {"method", method}, {"error", to_json(refusal)}});
}

}  // namespace duet
