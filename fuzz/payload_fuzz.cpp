// Every parser of JSON. Input: a letter that names the parser, and the payload.
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "fuzz/fuzz.h"
#include "protocol/envelope.h"
#include "protocol/frame.h"
#include "protocol/json_fields.h"
#include "protocol/payload.h"
#include "protocol/push_payload.h"
#include "protocol/service_payload.h"

namespace duet::fuzz {
namespace {

using nlohmann::json;

constexpr PayloadLimits kLimits;

template <typename T>
bool refused_rightly(const Result<T, Refusal>& result, std::size_t bytes, std::size_t max_bytes) {
  if (result) return bytes <= max_bytes;
  return result.error().code == ErrorCode::malformed || result.error().code == ErrorCode::too_large;
}

void check_message(std::string_view payload) {
  const auto message = parse_message(payload, kLimits);
  require(refused_rightly(message, payload.size(), kLimits.message_payload_bytes),
          "a refusal of the contract");
  if (!message) return;
  require(message->body.size() <= kLimits.body_bytes, "no body is larger than the limit");
  require(!message->id || find_message_id(payload) == message->id, "the id is found without the rest");
  const auto again = parse_message(format_message(*message), kLimits);
  require(again && again->id == message->id && again->body == message->body && again->type == message->type,
          "a message is parsed as it was formatted");
}

void check_receipt(std::string_view payload) {
  const auto receipt = parse_receipt(payload, kLimits);
  require(refused_rightly(receipt, payload.size(), kLimits.other_payload_bytes), "a refusal of the contract");
  if (!receipt) return;
  require(receipt->read <= receipt->delivered && receipt->delivered >= 1 && receipt->delivered <= kMaxSeq,
          "read implies delivered");
  const auto again = parse_receipt(format_receipt(*receipt), kLimits);
  require(again && again->delivered == receipt->delivered && again->read == receipt->read,
          "a receipt is parsed as it was formatted");
}

void check_small(std::string_view payload) {
  const auto max_bytes = kLimits.other_payload_bytes;
  const auto typing = parse_typing(payload, kLimits);
  require(refused_rightly(typing, payload.size(), max_bytes), "a refusal of the contract");
  if (typing)
    require(parse_typing(format_typing(*typing), kLimits) == typing, "typing is parsed as formatted");

  const auto state = parse_presence(payload, kLimits);
  require(refused_rightly(state, payload.size(), max_bytes), "a refusal of the contract");
  if (state)
    require(parse_presence(format_presence(*state), kLimits) == state, "presence is parsed as formatted");

  const auto push = parse_push(payload, kLimits);
  require(refused_rightly(push, payload.size(), max_bytes), "a refusal of the contract");
}

void check_request(std::string_view payload) {
  const auto request = parse_request(payload, kLimits);
  if (!request) {
    const auto& [req, refusal] = request.error();
    require(req.size() <= 64, "what is echoed is bounded");
    require(refusal.code == ErrorCode::malformed || refusal.code == ErrorCode::too_large,
            "a refusal of the contract");
    return;
  }
  require(!request->before_seq || !request->before_cursor, "`before` is one or the other");
  const auto again = parse_request(format_request(*request), kLimits);
  require(again && again->req == request->req && again->with == request->with &&
              again->before_seq == request->before_seq && again->before_cursor == request->before_cursor &&
              again->after == request->after && again->cursor == request->cursor &&
              again->limit == request->limit && again->until == request->until,
          "a request is parsed as it was formatted");
}

template <auto Parse, auto Format>
void check_round_trip(std::string_view payload) {
  const auto value = Parse(payload);
  if (!value) return;
  const std::string text = Format(*value);
  require(json::accept(text), "what is formatted is JSON in UTF-8");
  require(Parse(text) == value, "a value is parsed as it was formatted");
}

bool same(const JsonField& field, const json& value) {
  if (value.is_null()) return std::holds_alternative<Null>(field);
  if (value.is_boolean()) return field.index() == JsonField(true).index() && std::get<bool>(field) == value;
  if (const auto* text = value.get_ptr<const std::string*>()) {
    const auto* own = std::get_if<std::string>(&field);
    return own != nullptr && *own == *text;
  }
  if (value.is_number_unsigned()) {
    const auto* number = std::get_if<std::uint64_t>(&field);
    return number != nullptr && *number == value.get<std::uint64_t>();
  }
  const auto* other = std::get_if<OtherJson>(&field);
  return other != nullptr && other->object == value.is_object();
}

// Against the library's own parser, which keeps the whole text.
void check_fields(std::string_view payload) {
  static constexpr std::array<std::string_view, 4> kNames{"a", "id", "body", ""};
  const auto fields = parse_json_fields(payload, kNames);
  const auto whole = json::parse(payload, nullptr, false);
  if (!fields) {
    require(fields.error().code == ErrorCode::malformed, "a refusal of the contract");
    const bool for_syntax = fields.error().message == "the payload is not valid JSON in UTF-8";
    require(!for_syntax || !whole.is_object() || payload.find('\0') != std::string_view::npos,
            "no JSON object is refused for its syntax");
    return;
  }
  require(whole.is_object(), "what is read is a JSON object");
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto member = whole.find(kNames[i]);
    const auto& field = (*fields)[i];
    require(member == whole.end() ? std::holds_alternative<Absent>(field) : same(field, *member),
            "a field is the object's member");
  }
}

}  // namespace

void run_input(std::string_view bytes) {
  Input input(bytes);
  const char parser = static_cast<char>(input.byte());
  const auto payload = input.rest();
  switch (parser) {
    case 'm':
      return check_message(payload);
    case 'r':
      return check_receipt(payload);
    case 't':
      return check_small(payload);
    case 'q':
      return check_request(payload);
    case 'f':
      return check_fields(payload);
    case 'e':
      return check_round_trip<parse_envelope, format_envelope>(payload);
    case 'R':
      return check_round_trip<parse_receipt_event, format_receipt_event>(payload);
    case 'P':
      return check_round_trip<parse_peer_presence, format_peer_presence>(payload);
    case 'E':
      return check_round_trip<parse_error, format_error>(payload);
    case 'b':
      return check_round_trip<parse_block_update, format_block_update>(payload);
    case 'v':
      return check_round_trip<parse_revocation_update, format_revocation_update>(payload);
    case 's':
      return check_round_trip<parse_presence_snapshot, format_presence_snapshot>(payload);
    case 'n':
      return check_round_trip<parse_names_ask, format_names_ask>(payload);
    case 'N':
      return check_round_trip<parse_names_answer, format_names_answer>(payload);
    case 'y':
      return check_round_trip<parse_typing_notice, format_typing_notice>(payload);
    case 'k':
      return check_round_trip<parse_push_feed_ask, format_push_feed_ask>(payload);
    case 'g':
      return check_round_trip<parse_push_feed_page, format_push_feed_page>(payload);
    case 'h':
      return check_round_trip<parse_push_check, format_push_check>(payload);
    case 'a':
      return check_round_trip<parse_push_check_answer, format_push_check_answer>(payload);
    case 'c':
      return check_round_trip<parse_ingest_control, format_ingest_control>(payload);
    default:
      return;
  }
}

}  // namespace duet::fuzz
