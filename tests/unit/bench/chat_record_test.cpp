#include "bench/chat_record.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using Side = ChatRecord::Side;

void arrives(ChatRecord& record, std::size_t pair, std::uint64_t number, Seq seq) {
  record.arrived(pair, Side::sender, number, seq);
  record.arrived(pair, Side::recipient, number, seq);
}

TEST(ChatRecord, IsGoodWhenAllIsAtBothSidesAsOneSequence) {
  ChatRecord record(2);
  for (std::uint64_t number = 0; number < 3; ++number) {
    EXPECT_EQ(record.write(1), number);
    arrives(record, 1, number, number + 1);
    arrives(record, 1, number, number + 1);  // a sync repeats what had come
  }
  EXPECT_TRUE(record.complete());
  EXPECT_TRUE(record.verdict().good());
  EXPECT_EQ(record.verdict().written, 3U);
}

TEST(ChatRecord, WhatWasAcknowledgedIsNotPublishedAgainAndMustArrive) {
  ChatRecord record(1);
  for (int i = 0; i < 3; ++i) record.write(0);
  record.acknowledged(0, 0);
  record.arrived(0, Side::sender, 1, 1);  // stored, though its PUBACK was lost
  EXPECT_EQ(record.unanswered(0), std::vector<std::uint64_t>({2}));
  EXPECT_FALSE(record.complete());
  EXPECT_EQ(record.verdict().missing, 3U);
  EXPECT_EQ(record.verdict().accepted_lost, 1U);
}

TEST(ChatRecord, SeesWhatIsNumberedWrongly) {
  ChatRecord sides_differ(1);
  sides_differ.write(0);
  sides_differ.arrived(0, Side::sender, 0, 1);
  sides_differ.arrived(0, Side::recipient, 0, 2);
  EXPECT_FALSE(sides_differ.verdict().good());

  ChatRecord twice(1);
  twice.write(0);
  arrives(twice, 0, 0, 1);
  twice.arrived(0, Side::recipient, 0, 2);
  EXPECT_EQ(twice.verdict().misnumbered, 1U);

  ChatRecord hole(1);
  hole.write(0);
  hole.write(0);
  arrives(hole, 0, 0, 1);
  arrives(hole, 0, 1, 3);
  EXPECT_EQ(hole.verdict().misnumbered, 1U);
}

TEST(ChatRecord, SeesWhatNobodyWrote) {
  ChatRecord record(1);
  record.arrived(0, Side::recipient, 0, 1);
  record.arrived(7, Side::recipient, 0, 1);
  record.foreign();
  EXPECT_EQ(record.verdict().foreign, 3U);
}

}  // namespace
}  // namespace duet
