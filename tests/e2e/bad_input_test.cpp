// What no client should send: the device is told, nothing is stored, nobody else notices.

#include <gmock/gmock.h>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

struct BadPayload {
  std::string what;
  std::string payload;
  ErrorCode code = ErrorCode::malformed;
};

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

std::string with_body(const std::string& body) {
  return json{{"body", body}}.dump();
}

// Bad whatever the topic wants.
std::vector<BadPayload> no_json_object() {
  return {
      {"empty", ""},
      {"a word", "hello"},
      {"an array", "[]"},
      {"a number", "7"},
      {"null", "null"},
      {"a string", "\"x\""},
      {"an open object", "{"},
      {"an open string", R"({"body": "x)"},
      {"two objects", "{} {}"},
      {"garbage after it", R"({"body": "x"} x)"},
      {"single quotes", "{'body': 'x'}"},
      {"a comment", R"({"body": "x" /* */})"},
      {"a trailing comma", R"({"body": "x",})"},
      {"NUL", std::string(1, '\0')},
      {"NUL inside", std::string("{\"body\": \"a\0b\"}", 15)},
      {"binary", std::string("\x00\xff\xfe\x01\x80", 5)},
      {"nested 17 deep", R"({"extra": )" + nested(17) + "}"},
      {"nested 1000 deep", R"({"extra": )" + nested(1000) + "}"},
      {"unclosed nesting", std::string(3000, '[')},
      {"invalid UTF-8 in an unknown member", "{\"extra\": \"\xff\"}"},
  };
}

std::vector<BadPayload> bad_messages() {
  std::vector<BadPayload> all = no_json_object();
  const std::vector<BadPayload> own{
      {"no body", "{}"},
      {"body null", R"({"body": null})"},
      {"body a number", R"({"body": 1})"},
      {"body an array", R"({"body": ["x"]})"},
      {"body an object", R"({"body": {"x": 1}})"},
      {"body twice", R"({"body": "x", "body": "y"})"},
      {"invalid UTF-8", "{\"body\": \"\xc3\x28\"}"},
      {"overlong UTF-8", "{\"body\": \"\xc0\xaf\"}"},
      {"a surrogate in UTF-8", "{\"body\": \"\xed\xa0\x80\"}"},
      {"beyond Unicode", "{\"body\": \"\xf4\x90\x80\x80\"}"},
      {"an escaped NUL", R"({"body": "a\u0000b"})"},
      {"a lone surrogate", R"({"body": "\ud83d"})"},
      {"a reversed pair", R"({"body": "\ude00\ud83d"})"},
      {"a bad escape", R"({"body": "\x41"})"},
      {"id a number", R"({"id": 7, "body": "x"})"},
      {"id null", R"({"id": null, "body": "x"})"},
      {"id empty", R"({"id": "", "body": "x"})"},
      {"id with a space", R"({"id": "a b", "body": "x"})"},
      {"id with a slash", R"({"id": "a/b", "body": "x"})"},
      {"id of 65", json{{"id", std::string(65, 'a')}, {"body", "x"}}.dump()},
      {"type a number", R"({"body": "x", "type": 1})"},
      {"type empty", R"({"body": "x", "type": ""})"},
      {"type with a line break", R"({"body": "x", "type": "text/\n"})"},
      {"type of 128", json{{"type", std::string(128, 't')}, {"body", "x"}}.dump()},
      {"body of 32 KiB + 1", with_body(std::string(32769, 'b')), ErrorCode::too_large},
      {"body of 32 KiB + 1 in two-byte characters", with_body([] {
         std::string body = "b";
         for (int i = 0; i < 16 * 1024; ++i) body += "ä";
         return body;
       }()),
       ErrorCode::too_large},
      {"payload of 200 KiB + 1", R"({"body": "x", "extra": ")" + std::string(204800, 'e') + "\"}",
       ErrorCode::too_large},
      {"200 KiB of brackets", std::string(204800, '[')},
  };
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

std::vector<BadPayload> bad_receipts() {
  std::vector<BadPayload> all = no_json_object();
  const std::vector<BadPayload> own{
      {"neither mark", "{}"},
      {"a string", R"({"read": "1"})"},
      {"null", R"({"read": null})"},
      {"zero", R"({"delivered": 0})"},
      {"negative", R"({"delivered": -1})"},
      {"a fraction", R"({"delivered": 1.5})"},
      {"true", R"({"read": true})"},
      {"2^53", R"({"read": 9007199254740992})"},
      {"2^64", R"({"read": 18446744073709551616})"},
      {"1e400", R"({"read": 1e400})"},
      {"one good, one bad", R"({"delivered": 1, "read": "x"})"},
      {"4 KiB + 1", R"({"read": 1, "extra": ")" + std::string(4096, 'e') + "\"}", ErrorCode::too_large},
  };
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

class BadInput : public SharedPlatformTest<BadInput>, public ::testing::WithParamInterface<MqttVersion> {
 protected:
  void SetUp() override {
    SharedPlatformTest<BadInput>::SetUp();
    alice_ = online(fresh_user("alice"), "phone", GetParam());
    bob_ = online(fresh_user("bob"));
    carol_ = online(fresh_user("carol"));
    dave_ = online(fresh_user("dave"));
  }

  // Publishes and waits for the one error event that tells of it.
  void expect_refused(const std::string& topic, const BadPayload& bad, int qos = 1) {
    SCOPED_TRACE(bad.what + " on " + topic);
    const std::size_t before = alice_->errors().size();
    const int reason =
        alice_->mqtt().publish({.topic = topic, .payload = bad.payload, .qos = qos, .correlation = {}});
    if (qos == 1) {
      EXPECT_EQ(reason, GetParam() == MqttVersion::v5 ? kNotAuthorized : kSuccess);
    }
    const bool told = alice_->mqtt().wait_until([&](const std::vector<Received>& inbox) {
      std::size_t errors = 0;
      for (const Received& received : inbox) errors += received.topic == alice_->error_topic() ? 1U : 0U;
      return errors > before;
    });
    ASSERT_TRUE(told) << "no error event";
    const ErrorEvent error = alice_->errors().back();
    EXPECT_EQ(to_string(error.refusal.code), to_string(bad.code)) << error.refusal.message;
    EXPECT_EQ(error.topic, topic);
    EXPECT_FALSE(error.refusal.message.empty());
  }

  // Others are not disturbed, and alice's connection is the one it was.
  void expect_all_is_well() {
    const Envelope sent = carol_->send(dave_->user(), "undisturbed");
    EXPECT_EQ(dave_->wait_message(carol_->user(), sent.id.str()).body, "undisturbed");
    EXPECT_TRUE(alice_->mqtt().connected());
    const Envelope good = alice_->send(bob_->user(), "still welcome");
    bob_->wait_message(alice_->user(), good.id.str());
  }

  std::unique_ptr<TestDevice> alice_, bob_, carol_, dave_;
};

TEST_P(BadInput, InMessagesIsRefusedAndNotStored) {
  const std::string topic = msg_topic(alice_->user(), bob_->user());
  for (const BadPayload& bad : bad_messages()) expect_refused(topic, bad);
  EXPECT_THAT(alice_->history(bob_->user()), IsEmpty());
  EXPECT_THAT(bob_->live(alice_->user(), InKind::message), IsEmpty());
  expect_all_is_well();
  EXPECT_EQ(alice_->history(bob_->user()).size(), 1U);
}

TEST_P(BadInput, InAMessageNamesItsIdWhereItCanBeRead) {
  alice_->mqtt().publish({.topic = msg_topic(alice_->user(), bob_->user()),
                          .payload = R"({"id": "m-1", "body": 7})",
                          .correlation = {}});
  const ErrorEvent error = alice_->wait_error(ErrorCode::malformed, msg_topic(alice_->user(), bob_->user()));
  ASSERT_TRUE(error.id);
  EXPECT_EQ(error.id->str(), "m-1");
}

TEST_P(BadInput, GoodNeighboursAreTakenExactlyAsTheyAre) {
  struct Good {
    std::string payload;
    std::string body;
    std::string type = "text/plain";
  };
  const std::string kib32(32768, 'b');
  const std::vector<Good> all{
      {R"({"body": ""})", ""},
      {with_body(kib32), kib32},
      {R"({"body": "a\tb\u0001\u007f\"\\\/\n"})", "a\tb\x01\x7f\"\\/\n"},
      {R"({"body": "\ud83d\ude00 \u00e4 ä 😀", "type": "application/x.y+json; v=1"})", "😀 ä ä 😀",
       "application/x.y+json; v=1"},
      {R"({"extra": [[[[[[[[[[]]]]]]]]]], "body": "known", "more": null})", "known"},
      {R"( { "body" : "spaces" } )", "spaces"},
      {json{{"id", std::string(64, 'Z')}, {"body", "long id"}}.dump(), "long id"},
      {R"({"body": "\u0062ody", "\u0069d": "escaped-name"})", "body"},
  };
  for (const Good& good : all) {
    alice_->mqtt().publish(
        {.topic = msg_topic(alice_->user(), bob_->user()), .payload = good.payload, .correlation = {}});
  }
  alice_->send(bob_->user(), "last");
  const auto history = bob_->history(alice_->user());
  ASSERT_EQ(history.size(), all.size() + 1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(history[i].body, all[i].body);
    EXPECT_EQ(history[i].type, all[i].type);
  }
  EXPECT_EQ(history[6].id.str(), std::string(64, 'Z'));
  EXPECT_EQ(history[7].id.str(), "escaped-name");
}

TEST_P(BadInput, InReceipts) {
  bob_->send(alice_->user(), "one");
  const std::string topic = receipt_topic(alice_->user(), bob_->user());
  for (const BadPayload& bad : bad_receipts()) expect_refused(topic, bad);
  const json marks = bob_->result("conversations").at("conversations").at(0).at("theirs");
  EXPECT_EQ(marks, (json{{"delivered", 0}, {"read", 0}}));
  expect_all_is_well();
}

// The broker takes them; the store finds that there is no such message.
TEST_P(BadInput, ReceiptsForMessagesThatDoNotExist) {
  bob_->send(alice_->user(), "one");
  for (const std::string& peer : {bob_->user(), dave_->user(), std::string("no-such-user")}) {
    alice_->receipt(peer, "read", 2);
    alice_->wait_error(ErrorCode::not_found, receipt_topic(alice_->user(), peer));
  }
  const json marks = bob_->result("conversations").at("conversations").at(0).at("theirs");
  EXPECT_EQ(marks, (json{{"delivered", 0}, {"read", 0}}));
  expect_all_is_well();
}

TEST_P(BadInput, InTypingPresenceAndPush) {
  for (const int qos : {0, 1}) {
    for (const BadPayload& bad : std::vector<BadPayload>{{"empty", ""},
                                                         {"no JSON", "typing"},
                                                         {"a number", R"({"typing": 1})"},
                                                         {"missing", R"({"Typing": true})"},
                                                         {"NUL", std::string(1, '\0')}}) {
      expect_refused(typing_topic(alice_->user(), bob_->user()), bad, qos);
    }
  }
  for (const BadPayload& bad : std::vector<BadPayload>{{"away", R"({"state": "away"})"},
                                                       {"true", R"({"state": true})"},
                                                       {"missing", "{}"},
                                                       {"no JSON", "online"}}) {
    expect_refused(alice_->presence_topic(), bad);
  }
  for (const BadPayload& bad : std::vector<BadPayload>{{"unknown", R"({"platform": "pager", "token": "t"})"},
                                                       {"a number", R"({"platform": 1, "token": "t"})"},
                                                       {"missing", R"({"token": "t"})"},
                                                       {"no JSON", "fcm"}}) {
    expect_refused(alice_->push_topic(), bad);
  }
  expect_all_is_well();
}

TEST_P(BadInput, NamesOutsideTheGrammarAndMessagesToOneself) {
  const std::string me = "u/" + alice_->user();
  const BadPayload not_a_user{"not a user", with_body("x"), ErrorCode::not_authorized};
  for (const std::string& peer : {std::string("b ob"), std::string("bob:phone"), std::string("böb"),
                                  std::string(65, 'b'), std::string("*"), std::string("bob,alice")}) {
    expect_refused(me + "/out/" + peer + "/msg", not_a_user);
  }
  expect_refused(me + "/out//msg", not_a_user);
  expect_refused(me + "/out/bob/msg/", not_a_user);
  expect_refused(msg_topic(alice_->user(), alice_->user()), {"to oneself", with_body("x")});
  expect_refused(receipt_topic(alice_->user(), alice_->user()), {"to oneself", R"({"read": 1})"});
  expect_refused(typing_topic(alice_->user(), alice_->user()), {"to oneself", R"({"typing": true})"}, 0);
  EXPECT_THAT(alice_->result("conversations").at("conversations"), IsEmpty());
  expect_all_is_well();
}

TEST_P(BadInput, InRequestsIsAnsweredWhereTheQuestionCanBeRead) {
  for (const BadPayload& bad : no_json_object()) expect_refused(alice_->request_topic("history"), bad);
  for (const json& req : {json(), json(7), json(""), json(std::string(65, 'r')), json::array()}) {
    expect_refused(alice_->request_topic("history"), {"req " + req.dump(), json{{"req", req}}.dump()});
  }
  expect_refused(alice_->request_topic("history"), {"no req", R"({"with": "bob"})"});
  const std::vector<std::pair<std::string, json>> malformed{
      {"history", json::object()},
      {"history", {{"with", 7}}},
      {"history", {{"with", ""}}},
      {"history", {{"with", "b ob"}}},
      {"history", {{"with", alice_->user()}}},
      {"history", {{"with", "bob"}, {"limit", "ten"}}},
      {"history", {{"with", "bob"}, {"limit", -1}}},
      {"history", {{"with", "bob"}, {"limit", 0}}},
      {"history", {{"with", "bob"}, {"before", -1}}},
      {"history", {{"with", "bob"}, {"before", 1.5}}},
      {"history", {{"with", "bob"}, {"after", "x"}}},
      {"history", {{"with", "bob"}, {"before", 3}, {"after", 1}}},
      {"presence", json::object()},
      {"block", json::object()},
      {"block", {{"with", alice_->user()}}},
      {"unblock", {{"with", std::string(65, 'u')}}},
      {"conversations", {{"limit", json::array()}}},
      {"conversations", {{"before", 7}}},
  };
  for (const auto& [method, parameters] : malformed) {
    EXPECT_EQ(alice_->error_of(method, parameters), "malformed") << method << " " << parameters;
  }
  EXPECT_EQ(alice_->error_of("frobnicate"), "unknown_method");
  EXPECT_EQ(alice_->error_of("History", {{"with", "bob"}}), "unknown_method");
  expect_all_is_well();
}

INSTANTIATE_TEST_SUITE_P(Mqtt, BadInput, ::testing::Values(MqttVersion::v3_1_1, MqttVersion::v5),
                         [](const auto& version) { return version.param == MqttVersion::v5 ? "v5" : "v3"; });

}  // namespace
}  // namespace duet
