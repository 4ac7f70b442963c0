// What clients and services receive: protocol/envelope.h, protocol/service_payload.h,
// protocol/push_payload.h and the ingest control.
#include "protocol/envelope.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "protocol/frame.h"
#include "protocol/push_payload.h"
#include "protocol/service_payload.h"
#include "tests/unit/protocol/vectors.h"

namespace duet {
namespace {

using nlohmann::json;

// What the formatter writes for what the parser read; nullopt when the parser refused.
template <typename T>
std::optional<json> again(const std::optional<T>& value, std::string (*format)(const T&)) {
  if (!value) return std::nullopt;
  return json::parse(format(*value));
}

std::optional<json> round_trip(const std::string& kind, const std::string& payload) {
  if (kind == "envelope") return again(parse_envelope(payload), format_envelope);
  if (kind == "receipt") return again(parse_receipt_event(payload), format_receipt_event);
  if (kind == "presence") return again(parse_peer_presence(payload), format_peer_presence);
  if (kind == "error") return again(parse_error(payload), format_error);
  if (kind == "control") return again(parse_ingest_control(payload), format_ingest_control);
  if (kind == "blocks") return again(parse_block_update(payload), format_block_update);
  if (kind == "revocations") return again(parse_revocation_update(payload), format_revocation_update);
  if (kind == "snapshot") return again(parse_presence_snapshot(payload), format_presence_snapshot);
  if (kind == "names_ask") return again(parse_names_ask(payload), format_names_ask);
  if (kind == "names_answer") return again(parse_names_answer(payload), format_names_answer);
  if (kind == "typing") return again(parse_typing_notice(payload), format_typing_notice);
  if (kind == "feed_ask") return again(parse_push_feed_ask(payload), format_push_feed_ask);
  if (kind == "feed_page") return again(parse_push_feed_page(payload), format_push_feed_page);
  if (kind == "check") return again(parse_push_check(payload), format_push_check);
  if (kind == "check_answer") return again(parse_push_check_answer(payload), format_push_check_answer);
  throw std::runtime_error("unknown kind " + kind);
}

TEST(Events, ReadAndWriteWhatIsPublished) {
  for (const auto& test : load_vectors("events.json", "valid")) {
    EXPECT_EQ(round_trip(test.at("kind"), test.at("payload")), test.at("value")) << test;
  }
}

TEST(Events, RefuseOtherForms) {
  for (const auto& test : load_vectors("events.json", "invalid")) {
    EXPECT_EQ(round_trip(test.at("kind"), test.at("payload")), std::nullopt) << test;
  }
}

// Parsing deep nesting must not take the stack.
TEST(Events, RefuseAbsurdNesting) {
  const std::string deep(200000, '[');
  for (const char* kind :
       {"envelope", "receipt", "presence", "error", "control", "blocks", "revocations", "snapshot", "typing",
        "feed_ask", "feed_page", "check", "check_answer", "names_ask", "names_answer"}) {
    EXPECT_EQ(round_trip(kind, deep), std::nullopt) << kind;
  }
}

TEST(Envelope, KeepsTheBodyExactly) {
  const std::string body = "a\xc3\xa9\xf0\x9f\x98\x80\"\\\n\t/ \x7f\xef\xbf\xbf";
  const Envelope envelope{1,
                          *MessageId::parse("m"),
                          *UserId::parse("alice"),
                          *UserId::parse("bob"),
                          Timestamp(std::chrono::milliseconds(5)),
                          "text/plain",
                          body,
                          "c",
                          true};
  EXPECT_EQ(parse_envelope(format_envelope(envelope)), envelope);
}

// The topic of a refused publish comes from the client and may be any bytes.
TEST(ErrorEvent, IsWrittenEvenForATopicThatIsNoText) {
  const ErrorEvent error{{ErrorCode::malformed, "m"}, "u/\xff", std::nullopt, std::nullopt};
  const auto back = parse_error(format_error(error));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->topic, "u/\xef\xbf\xbd");
}

TEST(ErrorReply, CarriesTheQuestion) {
  const auto reply = json::parse(format_error_reply("r1", "history", {ErrorCode::unavailable, "later"}));
  EXPECT_EQ(reply, json::parse(R"({"req":"r1","method":"history",
                                   "error":{"code":"unavailable","message":"later"}})"));
}

TEST(ServicePage, FitsAPacket) {
  const auto name = *UserId::parse(std::string(UserId::kMaxBytes, 'u'));
  BlockUpdate update;
  update.reset = true;
  update.add.assign(kServicePage, Block{name, name});
  EXPECT_LE(format_block_update(update).size(), std::size_t{128} * 1024);
  EXPECT_EQ(parse_block_update(format_block_update(update)), update);
}

// As deep as a packet of the broker can be: no parser may go down by recursion.
TEST(ParseEvents, DeepNestingIsRefusedOrPassedOver) {
  constexpr std::size_t kDepth = std::size_t{100} * 1024;
  const std::string deep = "{\"x\":" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}";
  EXPECT_EQ(parse_envelope(deep), std::nullopt);
  EXPECT_EQ(parse_receipt_event(deep), std::nullopt);
  EXPECT_EQ(parse_peer_presence(deep), std::nullopt);
  EXPECT_EQ(parse_error(deep), std::nullopt);
  EXPECT_EQ(parse_block_update(deep), BlockUpdate());
  EXPECT_EQ(parse_presence_snapshot(deep), PresenceSnapshot());
}

}  // namespace
}  // namespace duet
