// docs/protocol.md section 3, guarantee 6: a conversation is its two users', and nobody else can tell that it
// exists.

#include <gmock/gmock.h>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class Privacy : public SharedPlatformTest<Privacy> {
 protected:
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
  const std::string eve_ = fresh_user("eve");
  const std::string nobody_ = fresh_user("nobody");  // never connects
};

// What a device received apart from its own publishes and the replies it asked for.
std::vector<std::string> uninvited(TestDevice& device) {
  std::vector<std::string> topics;
  for (const Received& received : device.mqtt().inbox()) {
    if (!received.topic.starts_with("u/" + device.user() + "/d/")) topics.push_back(received.topic);
  }
  return topics;
}

// Subscribes to all that a curious user may try; returns what was granted beyond the device's own.
std::vector<std::string> subscribe_to_everything(TestDevice& device, const std::vector<std::string>& users) {
  std::vector<std::string> filters{
      "#", "+/#", "u/#", "u/+/in/#", "u/+/+/+/msg", "u/+/d/+/presence", "u/+/d/+/reply"};
  for (const std::string& user : users) {
    filters.push_back("u/" + user + "/#");
    filters.push_back("u/" + user + "/in/#");
    filters.push_back("u/" + user + "/out/#");
    filters.push_back("u/" + user + "/d/phone/#");
  }
  std::vector<std::string> granted;
  for (const std::string& filter : filters) {
    if (device.mqtt().subscribe(filter) < 0x80) granted.push_back(filter);
  }
  return granted;
}

TEST_F(Privacy, AThirdUserSeesNothingOfAConversation) {
  const auto eve = online(eve_);
  EXPECT_THAT(subscribe_to_everything(*eve, {alice_, bob_}), IsEmpty());
  {
    const auto alice = online(alice_);
    const auto bob = online(bob_);
    const Envelope sent = alice->send(bob_, "secret");
    bob->wait_message(alice_, sent.id.str());
    bob->receipt(alice_, "read", sent.seq);
    alice->wait_receipt(bob_, bob_, 1, 1);
    alice->mqtt().publish(
        {.topic = typing_topic(alice_, bob_), .payload = R"({"typing": true})", .qos = 0, .correlation = {}});
    bob->wait_for([&](const Received& r) { return r.topic == in_topic(bob_, alice_, InKind::typing); },
                  "typing");
    alice->result("presence", {{"with", bob_}});
    bob->send(alice_, "answer");
    settle(*alice, *bob, *eve);
  }
  const auto alice = online(alice_);  // both have been offline: presence has changed
  const auto bob = online(bob_);
  settle(*alice, *bob, *eve);
  EXPECT_THAT(uninvited(*eve), IsEmpty());
}

// MQTT 3.1.1 tells a subscriber of a refusal as well (0x80).
TEST_F(Privacy, NorWithMqtt311) {
  const auto eve = online(eve_, "phone", MqttVersion::v3_1_1);
  EXPECT_THAT(subscribe_to_everything(*eve, {alice_, bob_}), IsEmpty());
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  settle(*alice, *bob, *eve);
  EXPECT_THAT(uninvited(*eve), IsEmpty());
}

// The reply to the same question about two users, with what must differ taken out.
json comparable(json reply, const std::string& name) {
  reply.erase("req");
  std::string text = reply.dump();
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name))
    text.replace(at, name.size(), "X");
  return json::parse(text);
}

TEST_F(Privacy, AnswersAboutAStrangerAndAboutNobodyAreTheSame) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  alice->send(bob_, "secret");
  alice->receipt(bob_, "delivered", 1);
  const auto eve = online(eve_);
  for (const std::string method : {"presence", "history", "block", "blocks", "unblock", "conversations"}) {
    const json parameters_alice = {{"with", alice_}};
    const json parameters_nobody = {{"with", nobody_}};
    const json about_alice = eve->request(method, parameters_alice);
    const json undo = method == "block" ? eve->request("unblock", parameters_alice) : json();
    const json about_nobody = eve->request(method, parameters_nobody);
    if (method == "block") eve->request("unblock", parameters_nobody);
    EXPECT_EQ(comparable(about_alice, alice_), comparable(about_nobody, nobody_)) << method;
  }
  EXPECT_EQ(eve->error_of("presence", {{"with", alice_}}), "not_found");
  EXPECT_THAT(eve->history(alice_), IsEmpty());
}

TEST_F(Privacy, ReceiptsToAStrangerAndToNobodyAreRefusedAlike) {
  const auto alice = online(alice_);
  alice->send(bob_, "secret");
  const auto eve = online(eve_);
  for (const std::string& who : {alice_, nobody_}) eve->receipt(who, "read", 1);
  const ErrorEvent about_alice = eve->wait_error(ErrorCode::not_found, receipt_topic(eve_, alice_));
  const ErrorEvent about_nobody = eve->wait_error(ErrorCode::not_found, receipt_topic(eve_, nobody_));
  EXPECT_EQ(about_alice.refusal, about_nobody.refusal);
  settle(*eve, *alice, *alice);
  for (const Received& received : alice->mqtt().inbox()) {
    EXPECT_NE(received.topic, in_topic(alice_, eve_, InKind::receipt));
  }
}

// Being in a conversation with one of the two gives nothing of the other conversation away.
TEST_F(Privacy, APeerOfOneSeesNothingOfTheOther) {
  const std::string carol_name = fresh_user("carol");
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  const auto carol = online(carol_name);
  alice->send(bob_, "for bob");
  alice->send(carol_name, "for carol");
  carol->send(alice_, "for alice");
  bob->receipt(alice_, "read", 1);
  alice->wait_receipt(bob_, bob_, 1, 1);
  settle(*alice, *bob, *carol);

  EXPECT_THAT(carol->history(bob_), IsEmpty());
  EXPECT_EQ(carol->error_of("presence", {{"with", bob_}}), "not_found");
  const json conversations = carol->result("conversations").at("conversations");
  ASSERT_EQ(conversations.size(), 1U);
  EXPECT_EQ(conversations.at(0).at("peer"), alice_);
  for (const json& change : carol->sync().changes) EXPECT_EQ(change.dump().find(bob_), std::string::npos);
  for (const std::string& topic : uninvited(*carol)) EXPECT_EQ(topic.find(bob_), std::string::npos) << topic;
}

}  // namespace
}  // namespace duet
