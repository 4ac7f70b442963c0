#include "mqtt_link/outgoing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class OutgoingLanes : public testing::Test {
 protected:
  OutgoingLanes() { outgoing_.set_window(1000); }

  void add(const std::string& topic, Link::Lane lane = Link::Lane::normal) {
    outgoing_.add({.topic = topic, .lane = lane},
                  [this, topic](bool ok) { done_.push_back(topic + (ok ? " ok" : " failed")); });
  }
  void add_bulk(const std::string& topic) { add(topic, Link::Lane::bulk); }
  // The topics of what may be sent now, in order.
  std::vector<std::string> send() {
    std::vector<std::string> topics;
    while (auto next = outgoing_.next()) {
      sent_.push_back(next->number);
      topics.push_back(std::move(next->message.topic));
    }
    return topics;
  }
  // The broker acknowledges the oldest.
  void acknowledge() {
    const auto done = outgoing_.finish(sent_.front());
    sent_.erase(sent_.begin());
    ASSERT_TRUE(done);
    (*done)(true);
  }

  Outgoing outgoing_;
  std::vector<std::uint64_t> sent_;
  std::vector<std::string> done_;
};

TEST_F(OutgoingLanes, WhatIsUrgentWaitsBehindFewOfTheBulk) {
  for (int i = 0; i < 100; ++i) add_bulk("page");
  EXPECT_THAT(send(), SizeIs(Outgoing::kBulkWindow));
  add("message");
  add_bulk("page");
  EXPECT_THAT(send(), ElementsAre("message"));
}

TEST_F(OutgoingLanes, EachIsSentInItsOrder) {
  add_bulk("page 1");
  add("message 1");
  add_bulk("page 2");
  add("message 2");
  // The first of the bulk goes at once, as none is on its way.
  EXPECT_THAT(send(), ElementsAre("page 1", "message 1", "message 2", "page 2"));
}

TEST_F(OutgoingLanes, BulkIsNotStarved) {
  outgoing_.set_window(2);
  for (int i = 0; i < 4; ++i) add("message");
  add_bulk("page 1");
  add_bulk("page 2");
  EXPECT_THAT(send(), ElementsAre("page 1", "message"));
  acknowledge();
  EXPECT_THAT(send(), ElementsAre("page 2"));
  acknowledge();
  EXPECT_THAT(send(), ElementsAre("message"));
}

TEST_F(OutgoingLanes, TheWindowBoundsBothTogether) {
  outgoing_.set_window(3);
  add("message");
  for (int i = 0; i < 5; ++i) add_bulk("page");
  EXPECT_THAT(send(), SizeIs(3));
  EXPECT_FALSE(outgoing_.ready());
  acknowledge();
  EXPECT_TRUE(outgoing_.ready());
  EXPECT_THAT(send(), ElementsAre("page"));
}

TEST_F(OutgoingLanes, AllFailTogetherOldestFirstAndTheWindowIsFreeAgain) {
  add_bulk("page");
  add("message");
  send();
  add_bulk("page that waits");
  for (const auto& done : outgoing_.take_all()) done(false);
  EXPECT_THAT(done_, ElementsAre("page failed", "message failed", "page that waits failed"));
  EXPECT_TRUE(outgoing_.empty());
  EXPECT_THAT(send(), IsEmpty());
  for (int i = 0; i < 20; ++i) add_bulk("page");
  EXPECT_THAT(send(), SizeIs(Outgoing::kBulkWindow));
}

}  // namespace
}  // namespace duet
