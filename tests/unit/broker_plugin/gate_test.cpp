#include "broker_plugin/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ConnectTest : public GateTest {};
class AccessTest : public GateTest {};
class WillTest : public GateTest {};
class ReloadTest : public GateTest {};
class PresenceTest : public GateTest {};

constexpr std::string_view kPresence = "u/alice/d/phone/presence";
constexpr std::string_view kOnline = R"({"state":"online"})";
constexpr std::string_view kOffline = R"({"state":"offline"})";

TEST_F(ConnectTest, AcceptsTheTokensUserWithOrWithoutUserName) {
  EXPECT_EQ(connect(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(connect(1, "alice:tab", "alice", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(connect(2, "duet-store", "", token("store", Role::store)), ConnectVerdict::accept);
  EXPECT_EQ(connect(3, "duet-push.b", "push", token("push", Role::push)), ConnectVerdict::accept);
}

TEST_F(ConnectTest, RefusesEverythingElse) {
  const auto good = token("alice");
  const auto service = token("store", Role::store);
  EXPECT_EQ(connect(0, "alice:phone", "", ""), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice:phone", "", good + "x"), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "bob:phone", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice:phone:x", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice:phone", "bob", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice:phone", "Alice", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "duet-store", "", good), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "duet-push", "", service), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "store:x", "", service), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "duet-store", "alice", service), ConnectVerdict::refuse);
  pass(kTokenLife + kSkew);
  EXPECT_EQ(connect(0, "alice:phone", "", good), ConnectVerdict::refuse);
}

TEST_F(ConnectTest, LogsTheReasonWithoutTheToken) {
  const auto secret = token("alice");
  connect(0, "bob:phone", "", secret);
  const auto log = broker_.take_log();
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_THAT(log[0].second, HasSubstr("bob:phone"));
  EXPECT_THAT(log[0].second, HasSubstr("not the token's"));
  EXPECT_THAT(log[0].second, testing::Not(HasSubstr(secret)));
}

TEST_F(ConnectTest, LimitsTheDevicesOfAUserButNotTheReturnOfOne) {
  options_.devices_per_user = 2;
  start();
  connected(0, "alice:a");
  connected(1, "alice:b");
  EXPECT_EQ(connect(2, "alice:c", "", token("alice")), ConnectVerdict::refuse);
  EXPECT_EQ(connect(3, "alice:b", "", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(connect(4, "bob:a", "", token("bob")), ConnectVerdict::accept);
  gate_->disconnected(context(0));
  EXPECT_EQ(connect(2, "alice:c", "", token("alice")), ConnectVerdict::accept);
}

TEST_F(ConnectTest, KicksWhenTheTokenIsOver) {
  const auto client = alice();
  pass(kTokenLife + kSkew - std::chrono::milliseconds(1));
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
  EXPECT_TRUE(gate_->may_receive(client, "u/alice/in/bob/msg", 0, now_));
  pass(std::chrono::milliseconds(1));
  EXPECT_FALSE(gate_->may_receive(client, "u/alice/in/bob/msg", 0, now_));
  EXPECT_FALSE(publish(client, "u/alice/out/bob/msg", R"({"body":"x"})"));
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
}

// The kick makes the broker ask about a persistent session's subscriptions; denied ones would be deleted.
TEST_F(ConnectTest, AKickedSessionKeepsItsSubscriptions) {
  const auto client = alice();
  pass(kTokenLife + kSkew);
  tick();
  EXPECT_TRUE(gate_->may_subscribe(client, "u/alice/in/#", now_));
}

// The broker frees contexts and gives their memory to new ones.
TEST_F(ConnectTest, AReusedPointerIsAnotherSession) {
  alice();
  gate_->disconnected(context(0));
  const auto bob = connected(0, "bob:phone");
  EXPECT_TRUE(gate_->may_receive(bob, "u/bob/in/alice/msg", 0, now_));
  EXPECT_FALSE(gate_->may_receive(bob, "u/alice/in/bob/msg", 0, now_));
}

TEST_F(ConnectTest, TheSecondDisconnectOfAPersistentSessionLeavesTheNewConnection) {
  alice();
  gate_->disconnected(context(0));
  const auto again = connected(1, "alice:phone");
  gate_->disconnected(context(0));  // Mosquitto: once more, after the new BASIC_AUTH
  EXPECT_TRUE(publish(again, "u/alice/out/bob/msg", R"({"body":"x"})"));
}

TEST_F(ConnectTest, TellsTheOlderConnectionOfAClientIdThatItIsTakenOver) {
  alice();
  EXPECT_TRUE(broker_.take_taken_over().empty());
  connected(1, "alice:laptop");
  EXPECT_TRUE(broker_.take_taken_over().empty());
  connected(2, "alice:phone");
  EXPECT_EQ(broker_.take_taken_over(), std::vector<Connection>{context(0)});
  gate_->disconnected(context(0));
  gate_->disconnected(context(2));
  connected(3, "alice:phone");
  EXPECT_TRUE(broker_.take_taken_over().empty());
}

TEST_F(ConnectTest, ADisconnectOfAnUnknownConnectionIsIgnored) {
  gate_->disconnected(context(7));
  EXPECT_EQ(connect(7, "alice:phone", "", token("alice")), ConnectVerdict::accept);
}

TEST_F(AccessTest, ADeviceHasItsOwnTopicsOnly) {
  const auto client = alice();
  for (const char* filter : {"u/alice/in/#", "u/alice/in/bob/msg", "u/alice/d/phone/#"}) {
    EXPECT_TRUE(gate_->may_subscribe(client, filter, now_)) << filter;
    EXPECT_TRUE(gate_->may_unsubscribe(client, filter)) << filter;
  }
  for (const char* filter : {"#", "+/alice/in/#", "u/+/in/#", "u/bob/in/#", "$share/g/u/alice/in/#", "$SYS/#",
                             "u/alice/d/tab/#", "ingest/0", "svc/#", ""}) {
    EXPECT_FALSE(gate_->may_subscribe(client, filter, now_)) << filter;
  }
  EXPECT_TRUE(gate_->may_receive(client, "u/alice/in/bob/msg", 0, now_));
  EXPECT_FALSE(gate_->may_receive(client, "u/bob/in/alice/msg", 0, now_));
  EXPECT_FALSE(gate_->may_receive(client, "u/alice/out/bob/msg", 0, now_));
}

TEST_F(AccessTest, AForeignTopicIsRefusedAndTheDeviceIsTold) {
  const auto client = alice();
  for (const char* topic : {"u/bob/out/alice/msg", "u/alice/in/bob/msg", "svc/store/blocks", "ingest/0/ctl",
                            "$CONTROL/dynamic-security/v1", "anything", "u/alice/d/phone/error"}) {
    EXPECT_FALSE(publish(client, topic, "{}")) << topic;
    const auto error = error_of_alice();
    ASSERT_TRUE(error) << topic;
    EXPECT_EQ(error->refusal.code, ErrorCode::not_authorized);
    EXPECT_EQ(error->topic, topic);
  }
}

TEST_F(AccessTest, AnEndlessTopicIsNotRepeated) {
  const auto client = alice();
  EXPECT_FALSE(publish(client, std::string(1025, 'x'), "{}"));
  EXPECT_EQ(error_of_alice()->topic, "");
}

TEST_F(AccessTest, AFloodOfForeignTopicsIsNotAnsweredForEver) {
  options_.rates.device_events = {10, 20};
  start();
  const auto client = alice();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(publish(client, "u/bob/in/alice/msg", "{}"));
  EXPECT_THAT(broker_.take(), SizeIs(20));
}

TEST_F(AccessTest, AnOfflineSessionGathersWhatIsItsOwn) {
  const Client offline{context(9), "alice:phone", "alice"};
  EXPECT_TRUE(gate_->may_receive(offline, "u/alice/in/bob/msg", 0, now_));
  EXPECT_FALSE(gate_->may_receive(offline, "u/bob/in/alice/msg", 0, now_));
  EXPECT_TRUE(gate_->may_subscribe(offline, "u/alice/in/#", now_));
  const Client stranger{context(9), "alice:phone", "mallory"};
  EXPECT_FALSE(gate_->may_receive(stranger, "u/alice/in/bob/msg", 0, now_));
}

TEST_F(WillTest, IsTheOwnPresenceAfterTheSessionEnded) {
  const auto client = alice();
  gate_->disconnected(context(0));
  EXPECT_TRUE(will(client, kPresence, kOffline));
  EXPECT_FALSE(will(client, "u/alice/out/bob/msg", R"({"body":"x"})"));
  EXPECT_FALSE(will(client, "u/alice/d/phone/req/history", R"({"req":"1"})"));
  EXPECT_FALSE(will(client, "u/alice/d/tab/presence", kOffline));
  EXPECT_FALSE(will(client, "u/bob/d/phone/presence", kOffline));
  EXPECT_FALSE(will(client, kPresence, kOnline));
  EXPECT_FALSE(will(client, kPresence, ""));
  EXPECT_THAT(broker_.take(), IsEmpty());
}

// Mosquitto sends the will of a clean session that is taken over before its DISCONNECT event.
TEST_F(WillTest, IsTheOwnPresenceAlsoWhenTheSessionWasTakenOver) {
  const auto old = alice();
  connected(1, "alice:phone");
  EXPECT_FALSE(will(old, "u/alice/d/phone/req/history", R"({"req":"1"})"));
  EXPECT_FALSE(will(old, "u/alice/out/bob/msg", R"({"body":"x"})"));
  EXPECT_TRUE(will(old, kPresence, kOffline));
}

TEST_F(WillTest, IsRemovedFromTheRetainedStore) {
  const auto client = alice();
  gate_->disconnected(context(0));
  EXPECT_TRUE(will(client, kPresence, kOffline));
  tick();
  const auto cleared = published_on(kPresence);
  ASSERT_THAT(cleared, SizeIs(1));
  EXPECT_TRUE(cleared[0].retain);
  EXPECT_EQ(cleared[0].payload, "");
  tick();
  EXPECT_THAT(broker_.take(), IsEmpty());
}

// check_retain_source asks with a made-up context, on the stack, that has only a client id and a user name.
TEST_F(WillTest, AMadeUpContextMayNoMore) {
  alice();
  const Client made_up{context(20), "alice:phone", "alice"};
  EXPECT_TRUE(will(made_up, kPresence, kOffline));
  EXPECT_FALSE(will(made_up, "u/alice/out/bob/msg", R"({"body":"x"})"));
}

TEST_F(ReloadTest, KeepsLiveSessionsWhateverTheirTokenIsNow) {
  alice();
  const auto other = SigningKey::generate(SignatureAlgorithm::es256);
  gate_->reload();
  gate_->set_tokens(TokenVerifier(keys(other), options_.tokens));
  EXPECT_EQ(connect(0, "alice:phone", "alice", "an old token"), ConnectVerdict::keep);
  tick();
  EXPECT_EQ(connect(1, "alice:tab", "", token("alice")), ConnectVerdict::refuse);  // the new key is in force
}

TEST_F(ReloadTest, KeepsTheOldKeysWithoutNewOnes) {
  gate_->reload();
  tick();
  EXPECT_EQ(connect(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
}

TEST_F(ReloadTest, KeepsOfflineSessions) {
  gate_->reload();
  EXPECT_EQ(connect(5, "alice:phone", "alice", ""), ConnectVerdict::keep);
  EXPECT_EQ(connect(5, "alice:phone", "mallory", ""), ConnectVerdict::refuse);
}

// lws_service runs between the reload and the tick: a real CONNECT can come over a WebSocket.
TEST_F(ReloadTest, AWebSocketConnectMeanwhileIsVerified) {
  gate_->reload();
  EXPECT_EQ(connect(5, "alice:phone", "alice", "no token", true), ConnectVerdict::refuse);
  EXPECT_EQ(connect(5, "alice:phone", "alice", token("alice"), true), ConnectVerdict::accept);
  EXPECT_EQ(connect(5, "alice:phone", "alice", "", true), ConnectVerdict::keep);  // it is a live session now
}

TEST_F(ReloadTest, IsOverAtTheTick) {
  gate_->reload();
  tick();
  EXPECT_EQ(connect(5, "alice:phone", "alice", ""), ConnectVerdict::refuse);
}

TEST_F(PresenceTest, ASessionThatSaidOnlineAndVanishesIsSaidToBeOffline) {
  const auto client = alice();
  EXPECT_TRUE(publish(client, kPresence, kOnline));
  gate_->disconnected(context(0));
  tick();
  const auto said = published_on(kPresence);
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_EQ(said[0].payload, kOffline);
  EXPECT_FALSE(said[0].retain);
}

TEST_F(PresenceTest, NothingIsSaidOfASessionThatSaidNothingOrOffline) {
  alice();
  const auto bob = connected(1, "bob:phone");
  EXPECT_TRUE(publish(bob, "u/bob/d/phone/presence", kOnline));
  EXPECT_TRUE(publish(bob, "u/bob/d/phone/presence", kOffline));
  gate_->disconnected(context(0));
  gate_->disconnected(context(1));
  tick();
  EXPECT_THAT(broker_.take(), IsEmpty());
}

TEST_F(PresenceTest, ATakeoverIsNoOfflineButItsEndIs) {
  const auto client = alice();
  EXPECT_TRUE(publish(client, kPresence, kOnline));
  connected(1, "alice:phone");
  gate_->disconnected(context(0));
  tick();
  EXPECT_THAT(published_on(kPresence), IsEmpty());
  gate_->disconnected(context(1));  // though it has said nothing itself
  tick();
  EXPECT_THAT(published_on(kPresence), SizeIs(1));
}

TEST_F(PresenceTest, ADeviceThatIsBackWithinTheTurnIsNotSaidToBeOffline) {
  const auto client = alice();
  EXPECT_TRUE(publish(client, kPresence, kOnline));
  gate_->disconnected(context(0));
  const auto back = connected(1, "alice:phone");
  EXPECT_TRUE(publish(back, kPresence, kOnline));
  tick();
  EXPECT_THAT(published_on(kPresence), IsEmpty());
}

TEST_F(PresenceTest, EachServiceThatComesGetsTheWholePicture) {
  EXPECT_TRUE(publish(alice(), kPresence, kOnline));
  connected(1, "bob:phone");
  for (const auto& [number, name] : {std::pair(30U, "duet-store"), std::pair(31U, "duet-push")}) {
    const auto service = connected(number, name);
    EXPECT_TRUE(gate_->may_subscribe(service, "u/+/d/+/presence", now_));
    tick();
    EXPECT_THAT(published_on("svc/broker/presence"), IsEmpty()) << name << " could not see it yet";
    EXPECT_TRUE(gate_->may_subscribe(service, "svc/broker/presence", now_));
    tick();
    const auto pages = published_on("svc/broker/presence");
    ASSERT_THAT(pages, SizeIs(1)) << name;
    const auto page = parse_presence_snapshot(pages.back().payload);
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->reset);
    EXPECT_THAT(page->online, ElementsAre(*parse_client_id("alice:phone")));
  }
}

}  // namespace
}  // namespace duet
