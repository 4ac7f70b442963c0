// docs/protocol.md section 3, guarantee 3: a message id is stored once per conversation and sender.

#include <gmock/gmock.h>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::SizeIs;

// The last `sent` for `id` that is marked `dup`.
Envelope wait_duplicate(TestDevice& device, const std::string& peer, const std::string& id) {
  const std::string topic = in_topic(device.user(), peer, InKind::sent);
  const Received received = device.wait_for(
      [&](const Received& r) {
        return r.topic == topic && r.json().value("id", "") == id && r.json().value("dup", false);
      },
      "a `sent` with dup");
  return *parse_envelope(received.payload);
}

void expect_same(const Envelope& again, const Envelope& first) {
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.seq, first.seq);
  EXPECT_EQ(again.ts, first.ts);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.from, first.from);
}

class Once : public SharedPlatformTest<Once> {
 protected:
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Once, AResendIsAnsweredWithTheFirstResult) {
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  const Envelope first = alice->send(bob_, "first body", "m1");
  EXPECT_FALSE(first.duplicate);
  alice->publish_message(bob_, "second body", "m1");
  expect_same(wait_duplicate(*alice, bob_, "m1"), first);

  const Envelope next = alice->send(bob_, "next", "m2");
  EXPECT_EQ(next.seq, first.seq + 1);  // the resend took no place
  EXPECT_EQ(bob->wait_message(alice_, "m1").body, "first body");
  bob->wait_message(alice_, "m2");
  for (const Envelope& envelope : bob->live(alice_, InKind::message)) {
    if (envelope.id.str() == "m1") {
      EXPECT_EQ(envelope.seq, first.seq);
    }
  }
  EXPECT_THAT(bob->history(alice_), SizeIs(2));
}

TEST_F(Once, AResendFromAnotherDeviceToo) {
  const auto phone = online(alice_, "phone");
  const auto laptop = online(alice_, "laptop", MqttVersion::v3_1_1);
  const Envelope first = phone->send(bob_, "first body", "m1");
  laptop->publish_message(bob_, "second body", "m1");
  expect_same(wait_duplicate(*laptop, bob_, "m1"), first);
  EXPECT_THAT(laptop->history(bob_), SizeIs(1));
}

// Both may lie in one frame, and in one transaction of the store.
TEST_F(Once, ResendsInOneBurst) {
  const auto alice = online(alice_);
  for (int i = 0; i < 50; ++i) {
    alice->mqtt().publish_async({.topic = msg_topic(alice_, bob_),
                                 .payload = json{{"id", "m" + std::to_string(i / 5)}, {"body", "x"}}.dump(),
                                 .correlation = {}});
  }
  alice->send(bob_, "last", "last");
  const auto history = alice->history(bob_);
  ASSERT_THAT(history, SizeIs(11));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(history[static_cast<std::size_t>(i)].id.str(), "m" + std::to_string(i));
  }
}

TEST_F(Once, TheSameIdIsAnotherMessageInAnotherConversationOrDirection) {
  const std::string carol = fresh_user("carol");
  const auto alice = online(alice_);
  const auto bob = online(bob_);
  const Envelope to_bob = alice->send(bob_, "to bob", "m1");
  const Envelope to_carol = alice->send(carol, "to carol", "m1");
  const Envelope back = bob->send(alice_, "to alice", "m1");
  EXPECT_FALSE(to_carol.duplicate);
  EXPECT_FALSE(back.duplicate);
  EXPECT_EQ(to_carol.seq, 1U);
  EXPECT_EQ(back.seq, to_bob.seq + 1);
  EXPECT_THAT(alice->history(bob_), SizeIs(2));
}

TEST_F(Once, MessagesWithoutIdAreEachTheirOwn) {
  const auto alice = online(alice_);
  alice->publish_message(bob_, "same", "");
  alice->publish_message(bob_, "same", "");
  alice->send(bob_, "last");
  const auto history = alice->history(bob_);
  ASSERT_THAT(history, SizeIs(3));
  EXPECT_NE(history[0].id, history[1].id);
}

class OnceAcrossCrashes : public OwnPlatformTest {};

// The store's memory of recent ids goes with it: the database must know them too.
TEST_F(OnceAcrossCrashes, AResendAfterAnyRestartIsAnsweredWithTheFirstResult) {
  auto alice = online("alice");
  const Envelope first = alice->send("bob", "first body", "m1");
  const auto resend = [&] {
    alice->go_online();
    alice->await_store();
    alice->publish_message("bob", "another body", "m1");
    expect_same(wait_duplicate(*alice, "bob", "m1"), first);
    EXPECT_THAT(alice->history("bob"), SizeIs(1));
  };
  platform().kill_and_await({Service::store});
  resend();
  platform().kill_and_await({Service::broker});
  resend();
  platform().kill_and_await({Service::broker, Service::store});
  resend();
  platform().restart();
  resend();
}

}  // namespace
}  // namespace duet
