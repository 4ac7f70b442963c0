#include "acl/block_list.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

const UserId kAlice = *UserId::parse("alice");
const UserId kBob = *UserId::parse("bob");
const UserId kEve = *UserId::parse("eve");

TEST(BlockList, BlocksOneDirection) {
  BlockList list;
  list.add({kAlice, kEve});
  EXPECT_TRUE(list.blocks(kAlice, kEve));
  EXPECT_FALSE(list.blocks(kEve, kAlice));
  EXPECT_FALSE(list.blocks(kAlice, kBob));
  EXPECT_FALSE(list.blocks(kBob, kEve));
}

TEST(BlockList, AddingTwiceIsRemovedOnce) {
  BlockList list;
  list.add({kAlice, kEve});
  list.add({kAlice, kEve});
  EXPECT_EQ(list.size(), 1U);
  list.remove({kAlice, kEve});
  EXPECT_FALSE(list.blocks(kAlice, kEve));
  EXPECT_EQ(list.size(), 0U);
  list.remove({kAlice, kEve});
  list.remove({kBob, kEve});
  EXPECT_EQ(list.size(), 0U);
}

TEST(BlockList, UpdatesForgetOnlyWithReset) {
  BlockList list;
  list.apply({false, {{kAlice, kEve}}, {}});
  list.apply({false, {{kBob, kEve}}, {}});
  EXPECT_EQ(list.size(), 2U);
  list.apply({false, {{kAlice, kBob}}, {{kAlice, kEve}}});
  EXPECT_FALSE(list.blocks(kAlice, kEve));
  EXPECT_TRUE(list.blocks(kAlice, kBob));
  list.apply({true, {{kEve, kBob}}, {}});
  EXPECT_EQ(list.size(), 1U);
  EXPECT_TRUE(list.blocks(kEve, kBob));
  list.apply({true, {}, {}});
  EXPECT_EQ(list.size(), 0U);
}

}  // namespace
}  // namespace duet
