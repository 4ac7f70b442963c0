// What StoreReader::changes, undelivered and the delivered mark promise.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Sync : public StoreContract {
 protected:
  Page<Change> page(std::string_view me, LogNumber after, std::size_t limit = 100,
                    std::size_t max_bytes = kNoByteLimit) {
    return reader()->changes(user(me), after, limit, max_bytes);
  }
};

INSTANTIATE_TEST_SUITE_P(Reading, Sync, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

// "msg bob 3", "sent bob 4", "receipt bob by alice 2/1"
std::string describe(const Change& change) {
  if (const auto* receipt = std::get_if<Receipt>(&change.content)) {
    return "receipt " + change.peer.str() + " by " + receipt->by.str() + " " +
           std::to_string(receipt->delivered) + "/" + std::to_string(receipt->read);
  }
  const auto& envelope = std::get<Envelope>(change.content);
  return (change.kind == Change::Kind::sent ? "sent " : "msg ") + change.peer.str() + " " +
         std::to_string(envelope.seq);
}

std::vector<std::string> describe(const Page<Change>& page) {
  std::vector<std::string> found;
  for (const Change& change : page.items) found.push_back(describe(change));
  return found;
}

TEST_P(Sync, TheLogOfAStrangerIsEmpty) {
  append_many("bob", "carol", 1);
  EXPECT_THAT(page("alice", 0).items, IsEmpty());
  EXPECT_FALSE(page("alice", 0).more);
}

TEST_P(Sync, BothUsersLogsHoldTheMessageEachFromItsSide) {
  append(message("alice", "bob", "a1"));
  append(message("carol", "alice", "c1"));
  append(message("bob", "alice", "b1"));
  EXPECT_THAT(describe(page("alice", 0)), ElementsAre("sent bob 1", "msg carol 1", "msg bob 2"));
  EXPECT_THAT(describe(page("bob", 0)), ElementsAre("msg alice 1", "sent alice 2"));
  EXPECT_THAT(describe(page("carol", 0)), ElementsAre("sent alice 1"));
}

TEST_P(Sync, LogNumbersAreThoseOfTheWritesAndTheSameForBoth) {
  const Appended sent = append(message("alice", "bob", "a1"));
  const RaisedMarks receipt = raise("bob", "alice", {1, 0});
  for (const auto* me : {"alice", "bob"}) {
    const auto log = page(me, 0);
    ASSERT_EQ(log.items.size(), 2U);
    EXPECT_EQ(log.items[0].log_number, sent.message.log_number);
    EXPECT_EQ(std::get<Envelope>(log.items[0].content), sent.message.envelope);
    EXPECT_EQ(log.items[1].log_number, receipt.log_number);
  }
}

TEST_P(Sync, AReceiptStandsOnlyWithItsLastState) {
  append_many("alice", "bob", 2);
  raise("bob", "alice", {1, 0});
  append(message("alice", "bob", "a3"));
  raise("alice", "bob", {1, 1});
  raise("bob", "alice", {3, 1});
  const auto expected = ElementsAre("sent bob 1", "sent bob 2", "sent bob 3", "receipt bob by alice 1/1",
                                    "receipt bob by bob 3/1");
  EXPECT_THAT(describe(page("alice", 0)), expected);
  EXPECT_THAT(describe(page("bob", 0)),
              ElementsAre("msg alice 1", "msg alice 2", "msg alice 3", "receipt alice by alice 1/1",
                          "receipt alice by bob 3/1"));
}

TEST_P(Sync, AReceiptThatWasReplacedAfterTheCursorIsFoundBehindIt) {
  append_many("alice", "bob", 2);
  const LogNumber cursor = raise("bob", "alice", {1, 0}).log_number;
  EXPECT_THAT(page("alice", cursor).items, IsEmpty());
  raise("bob", "alice", {2, 2});
  EXPECT_THAT(describe(page("alice", cursor)), ElementsAre("receipt bob by bob 2/2"));
}

TEST_P(Sync, PagesOfAnySizeGiveEveryChangeOnceInLogOrder) {
  for (int i = 0; i < 60; ++i) {
    const std::string id = "m" + std::to_string(i);
    append(i % 3 == 0 ? message("alice", "bob", id) : message(i % 3 == 1 ? "carol" : "bob", "alice", id));
    if (i % 10 == 9) raise("alice", "bob", {static_cast<Seq>(i / 2), static_cast<Seq>(i / 3)});
  }
  raise("carol", "alice", {7, 7});
  const auto whole = page("alice", 0);
  EXPECT_EQ(whole.items.size(), 62U);
  for (const std::size_t limit : {1U, 2U, 16U, 61U, 62U, 63U}) {
    std::vector<std::string> found;
    LogNumber cursor = 0;
    for (bool more = true; more;) {
      const auto next = page("alice", cursor, limit);
      ASSERT_FALSE(next.items.empty());
      for (const Change& change : next.items) {
        ASSERT_GT(change.log_number, cursor);
        cursor = change.log_number;
        found.push_back(describe(change));
      }
      more = next.more;
    }
    EXPECT_EQ(found, describe(whole)) << limit;
  }
}

TEST_P(Sync, EveryCursorGivesExactlyWhatComesAfterIt) {
  append_many("alice", "bob", 70);
  append_many("carol", "alice", 3);
  const auto whole = page("alice", 0);
  for (std::size_t i = 0; i < whole.items.size(); ++i) {
    const auto rest = page("alice", whole.items[i].log_number);
    ASSERT_EQ(rest.items.size(), whole.items.size() - i - 1) << i;
    if (!rest.items.empty()) {
      EXPECT_EQ(describe(rest.items.front()), describe(whole.items[i + 1]));
    }
  }
  EXPECT_THAT(page("alice", std::numeric_limits<LogNumber>::max()).items, IsEmpty());
}

TEST_P(Sync, EndsBeforeThePageGrowsTooLarge) {
  for (int i = 0; i < 4; ++i)
    append(message("alice", "bob", "m" + std::to_string(i), 1, std::string(100, 'x')));
  EXPECT_EQ(page("bob", 0, 10, 250).items.size(), 2U);
  EXPECT_TRUE(page("bob", 0, 10, 250).more);
  EXPECT_EQ(page("bob", 0, 10, 0).items.size(), 1U);
  EXPECT_EQ(page("bob", 0, 10, 400).items.size(), 4U);
  EXPECT_FALSE(page("bob", 0, 10, 400).more);
}

TEST_P(Sync, WhatIsUndeliveredComesInLogOrder) {
  append(message("alice", "bob", "a1"));
  const LogNumber mark = append(message("alice", "bob", "a2", 1000, "two")).message.log_number;
  const LogNumber old_receipt = raise("bob", "alice", {1, 0}).log_number;
  const Appended third = append(message("carol", "bob", "c1", 1000, "three"));
  const LogNumber receipt = raise("bob", "alice", {2, 2}).log_number;
  EXPECT_LT(old_receipt, receipt);

  const auto read = reader();
  const auto found = read->undelivered(mark, 10);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].log_number, third.message.log_number);
  EXPECT_EQ(found[0].to_first, user("carol"));
  EXPECT_EQ(found[0].to_second, user("bob"));
  EXPECT_EQ(std::get<Envelope>(found[0].content), third.message.envelope);
  EXPECT_EQ(found[1].log_number, receipt);
  const auto& marks = std::get<Receipt>(found[1].content);
  EXPECT_EQ(marks, (Receipt{user("bob"), 2, 2, ""}));
  EXPECT_THAT((std::vector{found[1].to_first, found[1].to_second}),
              testing::UnorderedElementsAre(user("alice"), user("bob")));

  EXPECT_EQ(read->undelivered(0, 10).size(), 4U);
  EXPECT_EQ(read->undelivered(0, 2).back().log_number, mark);
  EXPECT_THAT(read->undelivered(receipt, 10), IsEmpty());
}

TEST_P(Sync, TheDeliveredMarkIsKeptAndNeverGoesBack) {
  append_many("alice", "bob", 5);
  const auto set = [&](LogNumber mark) {
    const auto transaction = database().begin();
    transaction->set_delivered_mark(mark);
    transaction->commit();
  };
  EXPECT_EQ(reader()->delivered_mark(), 0U);
  set(4);
  set(2);
  EXPECT_EQ(reader()->delivered_mark(), 4U);
  reopen();
  EXPECT_EQ(reader()->delivered_mark(), 4U);
}

TEST_P(Sync, AnEmptyStoreHasNoLog) {
  EXPECT_EQ(reader()->last_log_number(), 0U);
  EXPECT_THAT(reader()->undelivered(0, 10), IsEmpty());
}

}  // namespace
}  // namespace duet
