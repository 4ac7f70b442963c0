#include "broker_plugin/fanout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocol/frame.h"
#include "tests/unit/broker_plugin/recording_broker.h"

namespace duet {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(FanOut, PublishesEachDeliveryInOrder) {
  DeliverFrameBuilder builder;
  builder.add({1, "u/bob/in/alice/msg", "one"});
  builder.add({0, "u/alice/d/phone/error", "two"});
  RecordingBroker broker;
  EXPECT_TRUE(fan_out(builder.take(), broker));
  const auto published = broker.take();
  ASSERT_THAT(published, SizeIs(2));
  EXPECT_EQ(published[0].topic, "u/bob/in/alice/msg");
  EXPECT_EQ(published[0].payload, "one");
  EXPECT_EQ(published[0].qos, Qos::at_least_once);
  EXPECT_FALSE(published[0].retain);
  EXPECT_EQ(published[1].qos, Qos::at_most_once);
}

TEST(FanOut, LeavesOutTopicsThatNoDeviceReceives) {
  for (const char* topic :
       {"svc/store/blocks", "ingest/0", "deliver/0", "$SYS/broker/uptime", "u/bob/in/+/msg", "u/#",
        "u/alice/out/bob/msg", "u/alice/d/phone/presence", "u/alice/d/phone/req/sync", "x"}) {
    DeliverFrameBuilder builder;
    builder.add({1, topic, "x"});
    builder.add({1, "u/bob/in/alice/msg", "good"});
    RecordingBroker broker;
    EXPECT_TRUE(fan_out(builder.take(), broker));
    EXPECT_THAT(broker.take(), SizeIs(1)) << topic;
    EXPECT_THAT(broker.take_log(), SizeIs(1)) << topic;
  }
}

TEST(FanOut, RefusesWhatIsNoFrame) {
  RecordingBroker broker;
  DeliverFrameBuilder builder;
  builder.add({1, "u/bob/in/alice/msg", "one"});
  const auto frame = builder.take();
  EXPECT_FALSE(fan_out("", broker));
  EXPECT_FALSE(fan_out(frame.substr(0, frame.size() - 1), broker));
  EXPECT_FALSE(fan_out(frame + "x", broker));
  EXPECT_THAT(broker.take(), IsEmpty());
}

}  // namespace
}  // namespace duet
