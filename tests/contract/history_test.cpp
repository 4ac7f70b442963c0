// What StoreReader::history promises.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class History : public StoreContract {
 protected:
  Page<Envelope> page(std::optional<Seq> before, std::optional<Seq> after, std::size_t limit,
                      std::size_t max_bytes = kNoByteLimit) {
    return reader()->history(user("bob"), user("alice"), before, after, limit, max_bytes);
  }
};

INSTANTIATE_TEST_SUITE_P(Reading, History, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(History, OfStrangersIsEmpty) {
  append_many("alice", "carol", 1);
  for (const auto& [me, peer] :
       {std::pair("alice", "bob"), std::pair("nobody", "alice"), std::pair("alice", "alice")}) {
    const auto empty = reader()->history(user(me), user(peer), {}, {}, 10, kNoByteLimit);
    EXPECT_THAT(empty.items, IsEmpty());
    EXPECT_FALSE(empty.more);
  }
}

TEST_P(History, WithoutAPlaceGivesTheLastOnesAscending) {
  append_many("alice", "bob", 40);
  const auto last = page({}, {}, 3);
  EXPECT_THAT(seqs(last), ElementsAre(38, 39, 40));
  EXPECT_TRUE(last.more);
  EXPECT_FALSE(page({}, {}, 40).more);
}

TEST_P(History, BeforeGoesBackToTheFirstMessage) {
  append_many("alice", "bob", 40);
  EXPECT_THAT(seqs(page(3, {}, 1)), ElementsAre(2));
  EXPECT_TRUE(page(3, {}, 1).more);
  EXPECT_THAT(seqs(page(3, {}, 2)), ElementsAre(1, 2));
  EXPECT_FALSE(page(3, {}, 2).more);
  EXPECT_THAT(seqs(page(1, {}, 5)), IsEmpty());
  EXPECT_FALSE(page(1, {}, 5).more);
  EXPECT_THAT(seqs(page(0, {}, 5)), IsEmpty());
  EXPECT_THAT(seqs(page(kMaxSeq, {}, 2)), ElementsAre(39, 40));
}

TEST_P(History, AfterGoesOnToTheLastMessage) {
  append_many("alice", "bob", 40);
  EXPECT_THAT(seqs(page({}, 0, 2)), ElementsAre(1, 2));
  EXPECT_TRUE(page({}, 0, 2).more);
  EXPECT_THAT(seqs(page({}, 38, 2)), ElementsAre(39, 40));
  EXPECT_FALSE(page({}, 38, 2).more);
  EXPECT_THAT(seqs(page({}, 39, 1)), ElementsAre(40));
  EXPECT_THAT(seqs(page({}, 40, 5)), IsEmpty());
  EXPECT_FALSE(page({}, 40, 5).more);
  EXPECT_THAT(seqs(page({}, kMaxSeq, 5)), IsEmpty());
  EXPECT_THAT(seqs(page({}, std::numeric_limits<Seq>::max(), 5)), IsEmpty());
}

TEST_P(History, PagesOfAnySizeGiveEveryMessageOnce) {
  append_many("alice", "bob", 53);
  for (const std::size_t limit : {1U, 2U, 15U, 16U, 17U, 53U, 60U}) {
    std::vector<Seq> up;
    for (bool more = true; more;) {
      const auto next = page({}, up.empty() ? 0 : up.back(), limit);
      for (const Seq seq : seqs(next)) up.push_back(seq);
      more = next.more;
    }
    std::vector<Seq> down;
    for (bool more = true; more;) {
      const auto next = page(down.empty() ? std::nullopt : std::optional(down.back()), {}, limit);
      auto found = seqs(next);
      down.insert(down.end(), found.rbegin(), found.rend());
      more = next.more;
    }
    ASSERT_EQ(up.size(), 53U) << limit;
    for (Seq seq = 1; seq <= 53; ++seq) ASSERT_EQ(up[seq - 1], seq);
    EXPECT_TRUE(std::equal(up.begin(), up.end(), down.rbegin(), down.rend())) << limit;
  }
}

TEST_P(History, EndsBeforeThePageGrowsTooLarge) {
  for (int i = 0; i < 5; ++i)
    append(message("alice", "bob", "m" + std::to_string(i), 1, std::string(100, 'x')));
  EXPECT_THAT(seqs(page({}, {}, 10, 250)), ElementsAre(4, 5));
  EXPECT_TRUE(page({}, {}, 10, 250).more);
  EXPECT_THAT(seqs(page({}, 1, 10, 300)), ElementsAre(2, 3, 4));
  EXPECT_TRUE(page({}, 1, 10, 300).more);
  EXPECT_THAT(seqs(page({}, 2, 10, 300)), ElementsAre(3, 4, 5));
  EXPECT_FALSE(page({}, 2, 10, 300).more);
}

TEST_P(History, HoldsOneMessageHoweverLarge) {
  append_many("alice", "bob", 2);
  EXPECT_THAT(seqs(page({}, 0, 10, 0)), ElementsAre(1));
  EXPECT_TRUE(page({}, 0, 10, 0).more);
  EXPECT_THAT(seqs(page({}, {}, 10, 0)), ElementsAre(2));
}

TEST_P(History, SeesWhatWasCommittedAfterTheReaderWasMade) {
  const auto read = reader();
  EXPECT_THAT(read->history(user("bob"), user("alice"), {}, {}, 10, kNoByteLimit).items, IsEmpty());
  append_many("alice", "bob", 2);
  EXPECT_THAT(seqs(read->history(user("bob"), user("alice"), {}, {}, 10, kNoByteLimit)), ElementsAre(1, 2));
  append(message("bob", "alice", "later"));
  EXPECT_THAT(seqs(read->history(user("bob"), user("alice"), {}, {}, 10, kNoByteLimit)),
              ElementsAre(1, 2, 3));
}

TEST_P(History, DoesNotSeeWhatIsNotCommitted) {
  append_many("alice", "bob", 1);
  const auto transaction = database().begin();
  transaction->append(message("alice", "bob", "open"));
  EXPECT_THAT(seqs(page({}, {}, 10)), ElementsAre(1));
}

}  // namespace
}  // namespace duet
