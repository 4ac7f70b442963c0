// The judge must notice each breach that it is there for.

#include "tests/fault/push_judge.h"

#include <gmock/gmock.h>

#include <sstream>

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Bob's phone and tablet, which alice wrote #1 to #5 to; the phone was told twice. Everything is right.
class PushJudgement : public ::testing::Test {
 protected:
  static AcceptedPush push(const std::string& id, Seq seq, std::int64_t at_ms) {
    AcceptedPush made;
    made.provider = "fcm";
    made.token = "phone";
    made.id = id;
    made.conversation = "c";
    made.seq = seq;
    made.at_ms = at_ms;
    return made;
  }
  std::vector<std::string> judge() const {
    std::vector<std::string> texts;
    for (const auto& breach : judge_pushes(taken_, places_, deaths_, 1s)) {
      std::ostringstream text;
      text << breach;
      texts.push_back(text.str());
    }
    return texts;
  }
  void expect(const std::string& breach) const { EXPECT_THAT(judge(), Contains(HasSubstr(breach))); }

  std::vector<PushPlace> places_{
      {.name = "bob/phone", .token = "phone", .conversation = "c", .last = 5},
      {.name = "bob/tablet", .token = "tablet", .conversation = "d", .last = 5, .needless = 5, .reads = {}}};
  std::vector<AcceptedPush> taken_{push("one", 2, 1000), push("two", 5, 5000)};
  std::vector<BridgeDeath> deaths_{{.killed_at_ms = 2000, .ready_at_ms = 2500}};
};

TEST_F(PushJudgement, AcceptsWhatIsRight) {
  EXPECT_THAT(judge(), IsEmpty());
}

TEST_F(PushJudgement, AcceptsRepeatsAndWhatIsNoNews) {
  taken_.push_back(push("two", 5, 6000));
  taken_.push_back(push("one", 2, 7000));  // it was never answered for
  taken_.push_back(push("badge", 0, 8000));
  EXPECT_THAT(judge(), IsEmpty());
}

TEST_F(PushJudgement, NoticesWhatWasNeverPushed) {
  places_[0].last = 6;
  expect("told: bob/phone #6 was never pushed: the newest push is of #5");
  places_[0].needless = 5;
  expect("told: bob/phone #6");
  places_[0].needless = 6;
  EXPECT_THAT(judge(), IsEmpty());
  taken_.clear();
  places_[0].needless = 0;
  expect("the newest push is of #0");
}

TEST_F(PushJudgement, NoticesARepeatUnderAnotherId) {
  taken_.push_back(push("three", 5, 6000));
  expect("one id: bob/phone #5");
}

TEST_F(PushJudgement, NoticesAnIdThatSaysTwoThings) {
  taken_[1].id = "one";
  expect("one word: bob/phone #5");
  taken_[1] = push("one", 5, 5000);
  taken_[1].token = "tablet";
  taken_[1].conversation = "d";
  expect("one word: bob/tablet #5");
}

TEST_F(PushJudgement, NoticesNewsThatGoesBack) {
  taken_.push_back(push("three", 3, 6000));
  expect("forward: bob/phone #3");
}

TEST_F(PushJudgement, NoticesWhatNobodySaid) {
  taken_.push_back(push("three", 6, 6000));
  expect("real: bob/phone #6 is not stored");
  taken_.back().conversation = "e";
  expect("real: nobody's place");
}

TEST_F(PushJudgement, NoticesWhatWasReadBefore) {
  places_[0].reads = {{2, 3000}, {5, 3900}};
  expect("not read: bob/phone #5 was taken 1100 ms after it was known to be read");
  places_[0].reads = {{2, 3000}, {5, 4000}};  // it was on its way
  EXPECT_THAT(judge(), IsEmpty());
}

TEST_F(PushJudgement, WhatTheOldBridgeCouldKnowTheNextOneMayNotPush) {
  places_[0].reads = {{5, 4500}};
  deaths_.push_back({.killed_at_ms = 4600, .ready_at_ms = 4900});
  expect("not read: bob/phone #5 was taken 500 ms after");
  deaths_.back().killed_at_ms = 4400;
  EXPECT_THAT(judge(), IsEmpty());
  deaths_.back() = {.killed_at_ms = 4600, .ready_at_ms = 5100};  // it may be of the old one
  EXPECT_THAT(judge(), IsEmpty());
}

}  // namespace
}  // namespace duet
