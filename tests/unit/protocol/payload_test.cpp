#include "protocol/payload.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/protocol/vectors.h"

namespace duet {
namespace {

using nlohmann::json;

const PayloadLimits kLimits;

// Results in the form of docs/vectors/payloads.json.
json describe(const MessagePayload& message) {
  json out{{"body", message.body}, {"type", message.type}};
  if (message.id) out["id"] = message.id->str();
  return out;
}

json describe(const ReceiptPayload& receipt) {
  return {{"delivered", receipt.delivered}, {"read", receipt.read}};
}

json describe(const RequestPayload& request) {
  json out{{"req", request.req}};
  if (request.with) out["with"] = request.with->str();
  if (request.before_seq) out["before_seq"] = *request.before_seq;
  if (request.before_cursor) out["before_cursor"] = *request.before_cursor;
  if (request.after) out["after"] = *request.after;
  if (request.cursor) out["cursor"] = *request.cursor;
  if (request.limit) out["limit"] = *request.limit;
  if (request.max_bytes) out["max_bytes"] = *request.max_bytes;
  if (request.until) out["until"] = request.until->time_since_epoch().count();
  return out;
}

template <typename T>
json outcome(const Result<T, Refusal>& result, auto describe_value) {
  if (result) return {{"result", describe_value(*result)}};
  EXPECT_FALSE(result.error().message.empty());
  return {{"code", to_string(result.error().code)}};
}

json run(const std::string& parser, std::string_view payload) {
  if (parser == "message") {
    return outcome(parse_message(payload, kLimits), [](const auto& value) { return describe(value); });
  }
  if (parser == "receipt") {
    return outcome(parse_receipt(payload, kLimits), [](const auto& value) { return describe(value); });
  }
  if (parser == "typing") {
    return outcome(parse_typing(payload, kLimits), [](bool value) { return value; });
  }
  if (parser == "presence") {
    return outcome(parse_presence(payload, kLimits),
                   [](DeviceState value) { return value == DeviceState::online ? "online" : "offline"; });
  }
  if (parser == "push") {
    return outcome(parse_push(payload, kLimits), [](const auto& value) { return value.platform; });
  }
  const auto request = parse_request(payload, kLimits);
  if (request) return {{"result", describe(*request)}};
  return {{"code", to_string(request.error().refusal.code)}, {"req", request.error().req}};
}

json expected_outcome(const json& test) {
  json expected = test;
  for (const char* name : {"parser", "payload", "payload_hex"}) expected.erase(name);
  if (!expected.contains("result") || !expected["result"].is_object()) return expected;
  for (auto& value : expected["result"]) {
    if (value.is_array()) value = expand(value);
  }
  return expected;
}

TEST(Payloads, AreReadAsPublished) {
  for (const auto& test : load_vectors("payloads.json", "cases")) {
    const auto payload =
        test.contains("payload") ? expand(test["payload"]) : from_hex(test["payload_hex"].get<std::string>());
    EXPECT_EQ(run(test.at("parser"), payload), expected_outcome(test)) << test;
  }
}

TEST(Payloads, LimitsAreTheCallers) {
  const PayloadLimits tight{2, 20, 17};
  EXPECT_TRUE(parse_message(R"({"body":"ab"})", tight));
  EXPECT_EQ(parse_message(R"({"body":"abc"})", tight).error().code, ErrorCode::too_large);
  EXPECT_TRUE(parse_message(R"({"body":"ab"}       )", tight));
  EXPECT_EQ(parse_message(R"({"body":"ab"}        )", tight).error().code, ErrorCode::too_large);
  EXPECT_TRUE(parse_typing(R"({"typing": true })", tight));
  EXPECT_EQ(parse_typing(R"({"typing": false })", tight).error().code, ErrorCode::too_large);
}

TEST(Payloads, FormatsReadBack) {
  const MessagePayload message{MessageId::parse("m-1"), "h\xc3\xa9\n\"", "text/html"};
  EXPECT_EQ(describe(*parse_message(format_message(message), kLimits)), describe(message));
  const MessagePayload plain{std::nullopt, "", std::string(kDefaultMessageType)};
  EXPECT_EQ(format_message(plain), R"({"body":""})");
  EXPECT_EQ(describe(*parse_message(format_message(plain), kLimits)), describe(plain));
  for (const ReceiptPayload receipt : {ReceiptPayload{3, 0}, ReceiptPayload{3, 3}, ReceiptPayload{7, 3}}) {
    EXPECT_EQ(describe(*parse_receipt(format_receipt(receipt), kLimits)), describe(receipt));
  }
  for (const bool typing : {true, false}) EXPECT_EQ(*parse_typing(format_typing(typing), kLimits), typing);
  for (const auto state : {DeviceState::online, DeviceState::offline}) {
    EXPECT_EQ(*parse_presence(format_presence(state), kLimits), state);
  }
}

TEST(Payloads, RequestsReadBack) {
  RequestPayload request;
  request.req = "r1";
  EXPECT_EQ(describe(*parse_request(format_request(request), kLimits)), describe(request));
  request.with = UserId::parse("bob");
  request.before_seq = 9;
  request.after = 2;
  request.cursor = "e.1";
  request.limit = 50;
  request.max_bytes = 4096;
  request.until = Timestamp(std::chrono::milliseconds(1'700'000'000'000));
  EXPECT_EQ(describe(*parse_request(format_request(request), kLimits)), describe(request));
  request.before_seq.reset();
  request.before_cursor = "e.7";
  EXPECT_EQ(describe(*parse_request(format_request(request), kLimits)), describe(request));
}

TEST(FindMessageId, ReadsItFromARefusedMessage) {
  EXPECT_EQ(find_message_id(R"({"id":"m-1","body":7})"), MessageId::parse("m-1"));
  EXPECT_EQ(find_message_id(R"({"id":"m-1"})"), MessageId::parse("m-1"));
  for (const char* text : {"", "{", "{}", R"({"id":7})", R"({"id":"a b"})", R"({"id":"a","id":"b"})", "[]"}) {
    EXPECT_FALSE(find_message_id(text)) << text;
  }
}

}  // namespace
}  // namespace duet
