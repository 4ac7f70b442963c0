#include "protocol/topic.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <variant>

#include "tests/unit/protocol/vectors.h"

namespace duet {
namespace {

using nlohmann::json;

// A topic in the form of docs/vectors/topics.json.
json describe(const OutTopic& topic) {
  const auto kind = topic.kind == OutKind::message   ? "msg"
                    : topic.kind == OutKind::receipt ? "receipt"
                                                     : "typing";
  return {{"family", "out"}, {"me", topic.me.str()}, {"peer", topic.peer.str()}, {"kind", kind}};
}

json describe(const InTopic& topic) {
  static const std::map<InKind, const char*> kinds{{InKind::message, "msg"},
                                                   {InKind::sent, "sent"},
                                                   {InKind::receipt, "receipt"},
                                                   {InKind::typing, "typing"},
                                                   {InKind::presence, "presence"}};
  return {
      {"family", "in"}, {"me", topic.me.str()}, {"peer", topic.peer.str()}, {"kind", kinds.at(topic.kind)}};
}

json describe(const DeviceTopic& topic) {
  static const std::map<DeviceKind, const char*> kinds{{DeviceKind::presence, "presence"},
                                                       {DeviceKind::push, "push"},
                                                       {DeviceKind::request, "req"},
                                                       {DeviceKind::reply, "reply"},
                                                       {DeviceKind::error, "error"}};
  json out{{"family", "device"},
           {"me", topic.owner.user.str()},
           {"device", topic.owner.device.str()},
           {"kind", kinds.at(topic.kind)}};
  if (!topic.method.empty()) out["method"] = topic.method;
  return out;
}

json describe(const PipeTopic& topic) {
  const auto kind = topic.kind == PipeKind::ingest    ? "ingest"
                    : topic.kind == PipeKind::control ? "ctl"
                                                      : "deliver";
  return {{"family", "pipe"}, {"partition", topic.partition}, {"kind", kind}};
}

json describe(const ServiceTopic& topic) {
  static const std::map<ServiceKind, const char*> kinds{
      {ServiceKind::token, "token"},       {ServiceKind::blocks, "blocks"},
      {ServiceKind::presence, "presence"}, {ServiceKind::revocations, "revocations"},
      {ServiceKind::typing, "typing"},     {ServiceKind::feed, "feed"},
      {ServiceKind::check, "check"},       {ServiceKind::names, "names"},
      {ServiceKind::devices, "devices"},   {ServiceKind::users, "users"}};
  return {{"family", "service"}, {"role", topic.role}, {"kind", kinds.at(topic.kind)}};
}

TEST(ParseTopic, ReadsEveryShapeAndWritesItBack) {
  for (auto expected : load_vectors("topics.json", "valid")) {
    const auto name = expected.at("topic").get<std::string>();
    const auto topic = parse_topic(name);
    ASSERT_TRUE(topic) << name;
    EXPECT_TRUE(valid_topic(name)) << name;
    expected.erase("topic");
    EXPECT_EQ(std::visit([](const auto& one) { return describe(one); }, *topic), expected);
    EXPECT_EQ(format_topic(*topic), name);
  }
}

TEST(ParseTopic, RefusesEverythingElse) {
  for (const auto& name : load_vectors("topics.json", "invalid")) {
    EXPECT_FALSE(parse_topic(name.get<std::string>())) << name;
    EXPECT_FALSE(valid_topic(name.get<std::string>())) << name;
  }
  EXPECT_FALSE(parse_topic(std::string(70000, '/')));
  EXPECT_FALSE(parse_topic("u/alice/in/" + std::string(70000, 'b') + "/msg"));
}

// One byte more or less, or another byte, never is the same topic: what parses writes itself back.
TEST(ParseTopic, NeverTakesOneTopicForAnother) {
  for (const auto& expected : load_vectors("topics.json", "valid")) {
    const auto name = expected.at("topic").get<std::string>();
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (const char c : {'/', '+', '#', 'x', '0', '\0', ' '}) {
        auto changed = name;
        changed[at] = c;
        const auto topic = parse_topic(changed);
        if (topic) {
          EXPECT_EQ(format_topic(*topic), changed);
        }
        EXPECT_EQ(valid_topic(changed), topic.has_value()) << changed;
      }
    }
  }
}

TEST(TopicFilter, FollowsMqtt) {
  for (const auto& filter : load_vectors("topics.json", "filter_valid")) {
    EXPECT_TRUE(valid_topic_filter(filter.get<std::string>())) << filter;
  }
  for (const auto& filter : load_vectors("topics.json", "filter_invalid")) {
    EXPECT_FALSE(valid_topic_filter(filter.get<std::string>())) << filter;
  }
  EXPECT_TRUE(valid_topic_filter(std::string(65535, 'a')));
  EXPECT_FALSE(valid_topic_filter(std::string(65536, 'a')));
}

TEST(TopicFilter, OfAClientAreItsInboxAndItsDevice) {
  EXPECT_EQ(inbox_filter(*UserId::parse("alice")), "u/alice/in/#");
  EXPECT_EQ(device_filter(*parse_client_id("alice:phone")), "u/alice/d/phone/#");
}

}  // namespace
}  // namespace duet
