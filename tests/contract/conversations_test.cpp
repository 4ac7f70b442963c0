// What StoreReader::conversations and peers promise, and consent of conversations that nobody had to accept.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Conversations : public StoreContract {
 protected:
  Page<StoreReader::SummaryItem> page(std::optional<LogNumber> before, std::size_t limit,
                                      std::size_t max_bytes = kNoByteLimit) {
    return reader()->conversations(user("alice"), before, limit, max_bytes);
  }
};

INSTANTIATE_TEST_SUITE_P(Reading, Conversations, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

std::vector<std::string> peers_of(const Page<StoreReader::SummaryItem>& page) {
  std::vector<std::string> peers;
  for (const auto& item : page.items) peers.push_back(item.summary.peer.str());
  return peers;
}

TEST_P(Conversations, OfAStrangerAreEmpty) {
  append_many("bob", "carol", 1);
  EXPECT_THAT(page({}, 10).items, IsEmpty());
  EXPECT_FALSE(page({}, 10).more);
  EXPECT_THAT(reader()->peers(user("alice")), IsEmpty());
}

TEST_P(Conversations, StandNewestFirst) {
  append(message("alice", "bob", "1"));
  append(message("carol", "alice", "2"));
  append(message("dave", "alice", "3"));
  append(message("bob", "alice", "4"));
  EXPECT_THAT(peers_of(page({}, 10)), ElementsAre("bob", "dave", "carol"));
  EXPECT_FALSE(page({}, 3).more);
}

TEST_P(Conversations, AReceiptDoesNotMoveThem) {
  append(message("alice", "bob", "1"));
  append(message("carol", "alice", "2"));
  raise("bob", "alice", {1, 1});
  EXPECT_THAT(peers_of(page({}, 10)), ElementsAre("carol", "bob"));
}

TEST_P(Conversations, PageByTheLogNumberOfTheLastMessage) {
  for (const auto* peer : {"bob", "carol", "dave", "erin"}) append(message("alice", peer, "1"));
  const auto first = page({}, 2);
  EXPECT_THAT(peers_of(first), ElementsAre("erin", "dave"));
  EXPECT_TRUE(first.more);
  const auto second = page(first.items.back().last_log_number, 2);
  EXPECT_THAT(peers_of(second), ElementsAre("carol", "bob"));
  EXPECT_FALSE(second.more);
  EXPECT_THAT(page(second.items.back().last_log_number, 2).items, IsEmpty());
  EXPECT_THAT(peers_of(page(std::numeric_limits<LogNumber>::max(), 1)), ElementsAre("erin"));
}

TEST_P(Conversations, EndBeforeThePageGrowsTooLarge) {
  for (const auto* peer : {"bob", "carol", "dave"})
    append(message("alice", peer, "1", 1, std::string(100, 'x')));
  EXPECT_THAT(peers_of(page({}, 10, 200)), ElementsAre("dave", "carol"));
  EXPECT_TRUE(page({}, 10, 200).more);
  EXPECT_THAT(peers_of(page({}, 10, 0)), ElementsAre("dave"));
}

TEST_P(Conversations, SumUpTheirState) {
  append(message("bob", "alice", "b1", 1000, "one"));
  append(message("bob", "alice", "b2", 1001, "two"));
  const Appended last = append(message("alice", "bob", "a1", 1002, "three"));
  raise("alice", "bob", {2, 1});
  raise("bob", "alice", {3, 0});
  block("alice", "bob");
  const auto item = page({}, 1).items.at(0);
  EXPECT_EQ(item.last_log_number, last.message.log_number);
  EXPECT_EQ(item.summary.last, last.message.envelope);
  EXPECT_EQ(item.summary.unread, 1U);
  EXPECT_EQ(item.summary.mine, (Marks{2, 1}));
  EXPECT_EQ(item.summary.theirs, (Marks{3, 0}));
  EXPECT_TRUE(item.summary.blocked);
  const auto theirs = reader()->conversations(user("bob"), {}, 1, kNoByteLimit).items.at(0);
  EXPECT_EQ(theirs.summary.peer, user("alice"));
  EXPECT_EQ(theirs.summary.unread, 1U);
  EXPECT_EQ(theirs.summary.mine, (Marks{3, 0}));
  EXPECT_FALSE(theirs.summary.blocked);  // he is not told
}

TEST_P(Conversations, ExistForBothSidesAndNobodyElse) {
  append(message("alice", "bob", "1"));
  EXPECT_EQ(reader()->consent(user("alice"), user("bob")), Consent::given);
  EXPECT_EQ(reader()->consent(user("bob"), user("alice")), Consent::given);
  EXPECT_EQ(reader()->consent(user("alice"), user("carol")), std::nullopt);
  EXPECT_EQ(reader()->consent(user("alice"), user("alice")), std::nullopt);
}

TEST_P(Conversations, GiveEveryPeer) {
  append(message("alice", "bob", "1"));
  append(message("carol", "alice", "2"));
  append(message("bob", "carol", "3"));
  EXPECT_THAT(reader()->peers(user("alice")), UnorderedElementsAre(user("bob"), user("carol")));
  EXPECT_THAT(reader()->peers(user("bob")), UnorderedElementsAre(user("alice"), user("carol")));
}

}  // namespace
}  // namespace duet
