// What peers are told of users who type, so that nobody types for ever (docs/adr/0007-typing.md).

#include "broker_plugin/typing.h"

#include <gmock/gmock.h>

#include "protocol/service_payload.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class TypingTest : public GateTest {
 protected:
  TypingTest() {
    options_.rates.device_events = {0, 0};  // no limit
    start();
  }

  void type(const Client& client, const std::string& peer, bool typing) {
    EXPECT_TRUE(publish(client, "u/alice/out/" + peer + "/typing", format_typing(typing)));
  }
  // What peers were told since the last call: "bob+" when alice types to bob, "bob-" when she does not.
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (const auto& message : broker_.take()) {
      const auto topic = parse_topic(message.topic);
      const auto* in = topic ? std::get_if<InTopic>(&*topic) : nullptr;
      if (in == nullptr || in->kind != InKind::typing) continue;
      EXPECT_EQ(in->peer.str(), "alice");
      all.push_back(in->me.str() + (message.payload == format_typing(true) ? "+" : "-"));
    }
    return all;
  }
  std::vector<std::string> told_at_tick() {
    tick();
    return told();
  }
};

TEST_F(TypingTest, TellsThePeerFalseWhenTheSessionEnds) {
  type(alice(), "bob", true);
  EXPECT_THAT(told(), ElementsAre("bob+"));
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
  pass(2 * kTypingExpiry);
  EXPECT_THAT(told_at_tick(), IsEmpty());
}

TEST_F(TypingTest, TellsFalseOnlyToThosePeersThatWereToldTrueLast) {
  const auto client = alice();
  type(client, "bob", true);
  type(client, "bob", false);
  type(client, "carol", false);
  EXPECT_THAT(told(), ElementsAre("bob+", "bob-", "carol-"));
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), IsEmpty());
}

TEST_F(TypingTest, TellsNothingAtTheEndOfASessionWhileAnotherDeviceTypes) {
  type(alice(), "bob", true);
  const auto laptop = connected(1, "alice:laptop");
  type(laptop, "bob", true);
  told();
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), IsEmpty());
  type(laptop, "bob", false);
  EXPECT_THAT(told(), ElementsAre("bob-"));
}

TEST_F(TypingTest, TellsNothingWhenOneOfTwoDevicesStopsTyping) {
  const auto phone = alice();
  const auto laptop = connected(1, "alice:laptop");
  type(phone, "bob", true);
  type(laptop, "bob", true);
  told();
  type(phone, "bob", false);
  EXPECT_THAT(told(), IsEmpty());
  gate_->disconnected(context(1));
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
}

TEST_F(TypingTest, TellsFalseAfterTheExpiryWithoutAnotherTrue) {
  type(alice(), "bob", true);
  told();
  pass(kTypingExpiry - milliseconds(1));
  EXPECT_THAT(told_at_tick(), IsEmpty());
  pass(milliseconds(1));
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
}

TEST_F(TypingTest, LastsForAsLongAsTrueIsRepeated) {
  const auto client = alice();
  for (int i = 0; i < 5; ++i) {
    type(client, "bob", true);
    EXPECT_THAT(told(), ElementsAre("bob+"));  // so that a peer that has just come knows
    pass(kTypingExpiry / 2);
    EXPECT_THAT(told_at_tick(), IsEmpty());
  }
  pass(kTypingExpiry / 2);
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
}

TEST_F(TypingTest, ExpiresForEachPeerByItself) {
  const auto client = alice();
  type(client, "bob", true);
  pass(seconds(3));
  type(client, "carol", true);
  told();
  pass(kTypingExpiry - seconds(3));
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
  pass(seconds(3));
  EXPECT_THAT(told_at_tick(), ElementsAre("carol-"));
}

// The older connection of the device is gone, and the newer one says nothing of typing.
TEST_F(TypingTest, TellsFalseWhenTheSessionIsTakenOver) {
  type(alice(), "bob", true);
  told();
  connected(1, "alice:phone");
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), ElementsAre("bob-"));
}

TEST_F(TypingTest, TellsNothingIfTheNewSessionOfTheDeviceTypesAtOnce) {
  type(alice(), "bob", true);
  const auto again = connected(1, "alice:phone");
  gate_->disconnected(context(0));
  type(again, "bob", true);
  told();
  EXPECT_THAT(told_at_tick(), IsEmpty());
}

TEST_F(TypingTest, EndsTheFirstOfTooManyPeers) {
  const auto client = alice();
  for (const char* peer : {"bob", "carol", "dave", "erin"}) type(client, peer, true);
  told();
  type(client, "frank", true);
  EXPECT_THAT(told(), ElementsAre("bob-", "frank+"));
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), UnorderedElementsAre("carol-", "dave-", "erin-", "frank-"));
}

TEST_F(TypingTest, TellsNothingToAPeerWhoHasBlockedTheUserSince) {
  type(alice(), "bob", true);
  told();
  publish(store(), "svc/store/blocks", R"({"add":[["bob","alice"]]})");
  gate_->disconnected(context(0));
  EXPECT_THAT(told_at_tick(), IsEmpty());
}

TEST_F(TypingTest, LeavesTheFalseToTheStoreWhereConsentIsRequired) {
  options_.require_consent = true;
  start();
  type(alice(), "bob", true);
  broker_.take();
  gate_->disconnected(context(0));
  tick();
  const auto notices = published_on("svc/broker/typing");
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(parse_typing_notice(notices.front().payload),
            (TypingNotice{*UserId::parse("alice"), *UserId::parse("bob"), false}));
}

}  // namespace
}  // namespace duet
