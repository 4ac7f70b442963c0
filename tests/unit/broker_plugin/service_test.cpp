#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocol/frame.h"
#include "protocol/service_payload.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ServiceTest : public GateTest {
 protected:
  std::vector<IngestFrame> frames() {
    std::vector<IngestFrame> out;
    for (const auto& message : published_on("ingest/0")) {
      out.push_back(decode_ingest_frame(message.payload).value());
    }
    return out;
  }
  void say_from(const Client& store, RecordNumber n) {
    const auto hello = frames();
    ASSERT_THAT(hello, SizeIs(1));
    EXPECT_TRUE(
        publish(store, "ingest/0/ctl", format_ingest_control({hello[0].node, IngestControl::Kind::from, n})));
  }
};

TEST_F(ServiceTest, FeedsTheStoreThatSubscribes) {
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/msg", R"({"body":"x"})"));
  const auto service = connected(30, "duet-store");
  EXPECT_TRUE(gate_->may_subscribe(service, "ingest/0", now_));
  say_from(service, 1);
  tick();
  const auto sent = frames();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].records, SizeIs(1));
}

TEST_F(ServiceTest, StopsFeedingWhenTheStoreIsGone) {
  const auto service = connected(30, "duet-store");
  EXPECT_TRUE(gate_->may_subscribe(service, "ingest/0", now_));
  say_from(service, 1);
  gate_->disconnected(service.connection);
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/msg", R"({"body":"x"})"));
  tick();
  EXPECT_THAT(frames(), IsEmpty());
}

// A WebSocket's or a slow TCP connection's DISCONNECT may come after its successor has subscribed.
TEST_F(ServiceTest, TheLateEndOfATakenOverStoreDoesNotStopItsSuccessor) {
  const auto old = connected(30, "duet-store");
  EXPECT_TRUE(gate_->may_subscribe(old, "ingest/0", now_));
  frames();
  const auto successor = connected(31, "duet-store");
  EXPECT_TRUE(gate_->may_subscribe(successor, "ingest/0", now_));
  gate_->disconnected(old.connection);
  say_from(successor, 1);
  EXPECT_TRUE(publish(alice(), "u/alice/out/bob/msg", R"({"body":"x"})"));
  tick();
  EXPECT_THAT(frames(), SizeIs(1));
}

TEST_F(ServiceTest, UnpacksDeliverFrames) {
  DeliverFrameBuilder builder;
  builder.add({1, "u/bob/in/alice/msg", "envelope"});
  EXPECT_TRUE(publish(store(), "deliver/0", builder.take()));
  const auto published = broker_.take();
  ASSERT_THAT(published, SizeIs(1));
  EXPECT_EQ(published[0].topic, "u/bob/in/alice/msg");
}

TEST_F(ServiceTest, ForgetsBlocksThatAreTakenBackOrReset) {
  const auto service = store();
  const Block block{*UserId::parse("bob"), *UserId::parse("alice")};
  const auto client = alice();
  const auto accepted = [&] { return publish(client, "u/alice/out/bob/msg", R"({"body":"x"})"); };
  EXPECT_TRUE(publish(service, "svc/store/blocks", format_block_update({false, {block}, {}})));
  EXPECT_FALSE(accepted());
  EXPECT_TRUE(publish(service, "svc/store/blocks", format_block_update({false, {}, {block}})));
  EXPECT_TRUE(accepted());
  EXPECT_TRUE(publish(service, "svc/store/blocks", format_block_update({true, {block}, {}})));
  EXPECT_FALSE(accepted());
  EXPECT_TRUE(publish(service, "svc/store/blocks", format_block_update({true, {}, {}})));
  EXPECT_TRUE(accepted());
}

TEST_F(ServiceTest, EndsLoginsThatAreRevoked) {
  const auto auth = connected(31, "duet-auth");
  const auto old = token("alice");
  const auto phone = alice();
  const auto laptop = connected(1, "alice:laptop");
  const auto bob = connected(2, "bob:phone");
  pass(std::chrono::seconds(5));
  const auto revoke = [&](std::optional<std::string_view> device) {
    const auto id = device ? DeviceId::parse(*device) : std::nullopt;
    const Revocation one{*UserId::parse("alice"), id, now_.wall, now_.wall + kTokenLife};
    EXPECT_TRUE(publish(auth, "svc/auth/revocations", format_revocation_update({false, {one}})));
  };
  revoke("phone");
  EXPECT_FALSE(gate_->may_receive(phone, "u/alice/in/bob/msg", 0, now_));  // at once
  EXPECT_TRUE(gate_->may_receive(laptop, "u/alice/in/bob/msg", 0, now_));
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
  gate_->disconnected(phone.connection);
  EXPECT_EQ(connect(0, "alice:phone", "", old), ConnectVerdict::refuse);
  EXPECT_EQ(connect(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);

  pass(std::chrono::seconds(5));
  revoke(std::nullopt);
  tick();
  EXPECT_THAT(broker_.take_kicked(), UnorderedElementsAre("alice:phone", "alice:laptop"));
  EXPECT_TRUE(gate_->may_receive(bob, "u/bob/in/alice/msg", 0, now_));
}

// A token that does not say when it was issued may have been issued before.
TEST_F(ServiceTest, ARevocationEndsATokenWithoutItsTime) {
  const Principal device = Principal::of_device(*parse_client_id("alice:phone"), now_.wall + kTokenLife);
  gate_->admit(context(0), device);
  const auto auth = connected(31, "duet-auth");
  const Revocation one{device.device()->user, std::nullopt, now_.wall, now_.wall + kTokenLife};
  EXPECT_TRUE(publish(auth, "svc/auth/revocations", format_revocation_update({true, {one}})));
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("alice:phone"));
}

TEST_F(ServiceTest, WhatIsNotOfItsFormIsLoggedAndHasNoEffect) {
  const auto service = store();
  broker_.take_log();
  for (const char* topic : {"deliver/0", "deliver/7", "ingest/0/ctl", "svc/store/blocks"}) {
    EXPECT_TRUE(publish(service, topic, "nonsense"));
    EXPECT_THAT(broker_.take_log(), SizeIs(1)) << topic;
  }
  const auto auth = connected(31, "duet-auth");
  broker_.take_log();
  EXPECT_TRUE(publish(auth, "svc/auth/revocations", "nonsense"));
  EXPECT_THAT(broker_.take_log(), SizeIs(1));
  EXPECT_THAT(broker_.take(), IsEmpty());
}

TEST_F(ServiceTest, ARenewedTokenExtendsTheSession) {
  const auto service = store();
  pass(kTokenLife - std::chrono::seconds(60));
  EXPECT_TRUE(publish(service, "svc/store/token", token("store", Role::store)));
  pass(std::chrono::seconds(60) + kSkew);
  tick();
  EXPECT_THAT(broker_.take_kicked(), IsEmpty());
  EXPECT_TRUE(gate_->may_receive(service, "u/alice/d/phone/req/sync", 0, now_));
  pass(kTokenLife);
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("duet-store"));
}

TEST_F(ServiceTest, ATokenOfAnotherRoleOrNoneDoesNotExtend) {
  const auto service = store();
  pass(kTokenLife - std::chrono::seconds(60));
  EXPECT_TRUE(publish(service, "svc/store/token", token("push", Role::push)));
  EXPECT_TRUE(publish(service, "svc/store/token", token("alice")));
  EXPECT_TRUE(publish(service, "svc/store/token", "nonsense"));
  pass(std::chrono::seconds(60) + kSkew);
  tick();
  EXPECT_THAT(broker_.take_kicked(), ElementsAre("duet-store"));
}

TEST_F(ServiceTest, AServicesRefusedPublishIsLogged) {
  const auto service = store();
  broker_.take_log();
  EXPECT_FALSE(publish(service, "u/alice/in/bob/msg", "{}"));
  EXPECT_THAT(broker_.take(), IsEmpty());
  EXPECT_THAT(broker_.take_log(), SizeIs(1));
}

TEST_F(ServiceTest, RepliesAreLeftToTheBroker) {
  EXPECT_TRUE(publish(store(), "u/alice/d/phone/reply", R"({"req":"1"})"));
  EXPECT_THAT(broker_.take(), IsEmpty());
}

}  // namespace
}  // namespace duet
