// The answer to the push bridge's ask: push_asks.h and push_feed.h, with the writer that wakes it.
#include "store_service/push_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store_service/writer.h"
#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kFeedAnswer = "svc/store/feed";

TEST(PushAsks, HoldTheNewestAlone) {
  PushAsks asks;
  const std::stop_source stop;
  asks.put({"e", 1});
  asks.put({"e", 2});
  const auto waiting = asks.next(stop.get_token());
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->ask, (PushFeedAsk{"e", 2}));
  asks.put({"e", 3});
  asks.done(waiting->number);  // the one before
  EXPECT_EQ(asks.next(stop.get_token())->ask, (PushFeedAsk{"e", 3}));
}

TEST(PushAsks, ShowAWaitingOneAgainAfterACommit) {
  PushAsks asks;
  std::stop_source stop;
  asks.committed();  // with none that waits
  asks.put({"e", 1});
  const auto first = asks.next(stop.get_token());
  asks.committed();
  EXPECT_EQ(asks.next(stop.get_token())->number, first->number);
  asks.committed();
  asks.done(first->number);
  stop.request_stop();
  EXPECT_FALSE(asks.next(stop.get_token()));
}

class PushFeedTest : public testing::Test {
 protected:
  void register_phone(std::string_view owner) {
    const auto transaction = store_.database.begin();
    transaction->touch_device({device(owner), {}, "fcm"}, 16);
    transaction->commit();
  }
  void start() { feed_.emplace(store_.database, asks_, users_, publisher_); }
  std::vector<PushFeedPage> pages() {
    std::vector<PushFeedPage> found;
    for (const auto& one : publisher_.sent(kFeedAnswer)) {
      EXPECT_LE(one.payload.size(), kPushFeedBytes);
      found.push_back(parse_push_feed_page(one.payload).value());
    }
    return found;
  }
  // Asks and returns the answer, which is the next page.
  PushFeedPage ask(const std::string& epoch, LogNumber after) {
    const auto before = publisher_.sent(kFeedAnswer).size();
    asks_.put({epoch, after});
    EXPECT_TRUE(publisher_.wait_for(kFeedAnswer, before + 1));
    return pages().at(before);
  }
  PushFeedPage ask(LogNumber after) { return ask(store_.database.epoch(), after); }

  TemporaryStore store_;
  PushAsks asks_;
  RegisteredUsers users_;
  RecordingPublisher publisher_;
  std::optional<PushFeed> feed_;
};

TEST_F(PushFeedTest, ANewBridgeBeginsAtThePresentEnd) {
  store_.store_message("alice", "bob", "m1");
  start();
  const PushFeedPage reset{.epoch = store_.database.epoch(), .reset = true, .through = 1};
  EXPECT_EQ(ask("", 0), reset);
  EXPECT_EQ(ask("another", 1), reset);
  EXPECT_EQ(ask(2), reset);  // beyond this store's log
}

TEST_F(PushFeedTest, TellsOfMessagesAndOfReceiptsByDevice) {
  register_phone("bob");
  start();
  const auto end = ask("", 0).through;
  store_.store_message("alice", "bob", "m1");
  store_.store_receipt("bob", "alice", R"({"delivered":1})");
  store_.store_receipt("bob", "alice", R"({"delivered":1})");  // raises nothing
  const auto page = ask(end);
  EXPECT_EQ(page.after, end);
  EXPECT_EQ(page.through, 4U);
  EXPECT_FALSE(page.more);
  ASSERT_THAT(page.events, SizeIs(4));
  EXPECT_EQ(std::get<PushMessage>(page.events[0]).id, message_id("m1"));
  const PushReceipt by_device{2, user("bob"), user("alice"), 1, 0, device("bob").device};
  EXPECT_EQ(std::get<PushReceipt>(page.events[1]), by_device);
  EXPECT_EQ(std::get<PushReceipt>(page.events[2]).device, std::nullopt);
  EXPECT_EQ(std::get<PushReceipt>(page.events[3]).device, device("bob").device);
}

TEST_F(PushFeedTest, AReceiptThatABlockRefusesIsTheUsersOwnAllTheSame) {
  register_phone("bob");
  start();
  store_.store_message("alice", "bob", "m1");
  store_.block("alice", "bob");
  const auto done = store_.store_receipt("bob", "alice", R"({"read":1})");
  ASSERT_THAT(done.refused, SizeIs(1));
  const auto page = ask(1);
  ASSERT_THAT(page.events, SizeIs(1));
  EXPECT_EQ(std::get<PushReceipt>(page.events[0]).device, device("bob").device);
}

TEST_F(PushFeedTest, PagesFollowOneAnotherWithoutAHole) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < 2 * kPushFeedEvents + 10; ++i) {
    records.push_back(message_record(0, "alice", "bob", R"({"body":"x"})"));
  }
  const LogNumber total = records.size();
  store_.store(std::move(records));
  start();
  LogNumber after = 0;
  int count = 0;
  for (bool more = true; more; ++count) {
    const auto page = ask(after);
    ASSERT_FALSE(page.events.empty());
    for (const auto& event : page.events) EXPECT_EQ(log_of(event), ++after);
    EXPECT_EQ(page.through, after);
    more = page.more;
  }
  EXPECT_EQ(after, total);
  EXPECT_EQ(count, 3);
}

TEST_F(PushFeedTest, AnAskWaitsForTheCommitThatAnswersIt) {
  start();
  WriteQueue queue;
  Counters counters;
  const Writer writer(
      store_.database, queue, publisher_,
      {.limits = {}, .idle = std::chrono::milliseconds(std::chrono::hours(1))},
      {.on_ready = [](std::uint64_t) {}, .on_broken = [] {}, .on_committed = [this] { asks_.committed(); }},
      counters);
  asks_.put({store_.database.epoch(), 0});
  std::atomic<bool> committed{false};
  WriteJob job;
  job.apply = [](WriteTransaction& transaction) { transaction.block({user("alice"), user("eve")}); };
  job.on_committed = [&] { committed = true; };
  ASSERT_TRUE(queue.push_job(std::move(job)));  // nothing of this is push's business
  ASSERT_TRUE(eventually([&] { return committed.load(); }));
  WriteJob message;
  message.apply = [](WriteTransaction& transaction) {
    transaction.append({user("alice"), user("bob"), message_id("m1"), at_ms(1), "text/plain", "x"});
  };
  ASSERT_TRUE(queue.push_job(std::move(message)));
  ASSERT_TRUE(publisher_.wait_for(kFeedAnswer, 1));
  EXPECT_THAT(pages().at(0).events, SizeIs(1));
}

TEST_F(PushFeedTest, AnAskIsAnsweredOnce) {
  store_.store_message("alice", "bob", "m1");
  start();
  ask(0);
  asks_.committed();
  ask("", 0);  // what the commit woke has gone its way
  EXPECT_THAT(pages(), SizeIs(2));
}

// The writer forgets what devices have said once push knows it, a share in each transaction.
TEST_F(PushFeedTest, WhatPushKnowsIsForgotten) {
  constexpr LogNumber kSaid = 12'000;
  register_phone("bob");
  store_.store_message("alice", "bob", "m1");
  {
    const auto transaction = store_.database.begin();
    for (LogNumber i = 0; i < kSaid; ++i) {
      transaction->note_device_receipt(device("bob"), user("alice"), {1, 0});
    }
    transaction->commit();
  }
  start();
  WriteQueue queue;
  Counters counters;
  const Writer writer(store_.database, queue, publisher_, {.limits = {}},
                      {.on_ready = [](std::uint64_t) {},
                       .on_broken = [] {},
                       .push_confirmed = [this] { return asks_.confirmed(); }},
                      counters);
  ask(kSaid);  // it has all but the last
  EXPECT_EQ(asks_.confirmed(), kSaid);
  const auto reader = store_.database.reader();
  const auto left = [&] { return reader->feed(1, 2 * kSaid, std::size_t{1} << 30).items.size(); };
  for (int commits = 1; left() > 1; ++commits) {
    ASSERT_LE(commits, 3);
    std::atomic<bool> committed{false};
    WriteJob job;
    job.apply = [](WriteTransaction&) {};
    job.on_committed = [&] { committed = true; };
    ASSERT_TRUE(queue.push_job(std::move(job)));
    ASSERT_TRUE(eventually([&] { return committed.load(); }));
  }
  EXPECT_EQ(left(), 1U);
}

}  // namespace
}  // namespace duet
