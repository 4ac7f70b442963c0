#include "store_service/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/store_service/database.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kControl = "ingest/0/ctl";

// A writer over a store, with a connection that the test plays.
class WriterTest : public testing::Test {
 protected:
  void start() {
    WriterOptions options;
    options.first_backoff = options.idle = std::chrono::milliseconds(1);
    options.max_backoff = std::chrono::milliseconds(2);
    options.patience = std::chrono::milliseconds(1);
    options.now = [this] { return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds_)); };
    writer_.emplace(store_.database, queue_, publisher_, options,
                    Writer::Events{.on_ready = [this](std::uint64_t session) { ready_ = session; },
                                   .on_broken = [this] { broken_ = true; }},
                    counters_);
  }
  void connect() {
    queue_.connected();
    ASSERT_TRUE(eventually([&] { return ready_ == queue_.session(); }));
  }
  void start_connected() {
    start();
    connect();
  }
  void push(const std::string& frame) {
    ASSERT_TRUE(eventually([&] { return queue_.push_frame(frame); }));
  }
  std::string frame(RecordNumber n, const std::string& id, std::optional<RecordNumber> previous = {}) {
    return frame_of(node(), previous.value_or(n - 1),
                    {message_record(n, "alice", "bob", R"({"id":")" + id + R"(","body":"x"})")});
  }
  std::vector<IngestControl> controls() {
    std::vector<IngestControl> all;
    for (const auto& one : publisher_.sent(kControl))
      all.push_back(parse_ingest_control(one.payload).value());
    return all;
  }
  IngestControl from(RecordNumber n) const { return {node(), IngestControl::Kind::from, n}; }
  IngestControl committed(RecordNumber n) const { return {node(), IngestControl::Kind::committed, n}; }
  bool wait_for_control(const IngestControl& wanted) {
    return eventually([&] {
      const auto all = controls();
      return std::find(all.begin(), all.end(), wanted) != all.end();
    });
  }
  LogNumber stored_mark() { return store_.database.reader()->delivered_mark(); }
  std::size_t stored() {
    return store_.database.reader()->history(user("alice"), user("bob"), {}, {}, 200, 1 << 20).items.size();
  }

  TemporaryStore store_;
  WriteQueue queue_;
  RecordingPublisher publisher_;
  Counters counters_;
  std::atomic<std::uint64_t> ready_{0};
  std::atomic<bool> broken_{false};
  std::atomic<int> seconds_{0};
  std::optional<Writer> writer_;
};

TEST_F(WriterTest, BeginsASessionWithTheBlocksAndAnswersHelloThen) {
  store_.block("bob", "alice");
  push(frame_of(node(), 0, {}));
  start_connected();

  ASSERT_TRUE(wait_for_control(from(1)));

  const auto sent = publisher_.sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].topic, "svc/store/blocks");
  EXPECT_EQ(parse_block_update(sent[0].payload), (BlockUpdate{true, {{user("bob"), user("alice")}}, {}}));
  EXPECT_EQ(sent[1].topic, kControl);
}

TEST_F(WriterTest, DeliversAWithheldReceiptAgainToItsGiverAlone) {
  store_.strangers.require_consent = true;
  store_.store_message("alice", "bob", "m1");
  store_.store_receipt("bob", "alice", R"({"read":1})");
  start_connected();
  EXPECT_THAT(publisher_.delivered_topics(),
              ElementsAre("u/alice/in/bob/sent", "u/bob/in/alice/msg", "u/bob/in/alice/receipt"));
}

TEST_F(WriterTest, DeliversWhatAJobTellsAndAgainAfterACrash) {
  store_.store_message("alice", "bob", "m1");
  start_connected();
  publisher_.clear();
  publisher_.acknowledge(false);
  bool told = false;
  WriteJob job;
  job.apply = [](WriteTransaction& transaction) {
    transaction.raise_marks(user("bob"), user("alice"), {1, 1});
  };
  job.tell = [](std::vector<OutgoingDelivery>& out) {
    add_receipt({user("bob"), 1, 1, "c"}, user("alice"), 2, out);
  };
  std::atomic<bool> committed{false};
  job.on_committed = [&] {
    told = publisher_.delivered_topics().size() == 2;
    committed = true;
  };
  ASSERT_TRUE(queue_.push_job(std::move(job)));
  ASSERT_TRUE(eventually([&] { return committed.load(); }));
  EXPECT_TRUE(told) << "delivered before the job hears that it is done";

  writer_.reset();  // without an acknowledgement
  publisher_.clear();
  queue_.disconnected();
  start_connected();
  EXPECT_THAT(publisher_.delivered_topics(), testing::Contains("u/alice/in/bob/receipt"));
}

TEST_F(WriterTest, SendsBlocksInPages) {
  store_.block_many("bob", kServicePage + 1);
  start_connected();

  const auto pages = publisher_.sent("svc/store/blocks");
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_TRUE(parse_block_update(pages[0].payload)->reset);
  EXPECT_FALSE(parse_block_update(pages[1].payload)->reset);
  EXPECT_EQ(parse_block_update(pages[1].payload)->add.size(), 1U);
}

TEST_F(WriterTest, DeliversBeforeItSaysCommitted) {
  start_connected();
  publisher_.clear();
  push(frame(1, "m1"));

  ASSERT_TRUE(wait_for_control(committed(1)));

  const auto sent = publisher_.sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].topic, "deliver/0");
  EXPECT_THAT(publisher_.delivered_topics(), ElementsAre("u/alice/in/bob/sent", "u/bob/in/alice/msg"));
  EXPECT_EQ(stored(), 1U);
}

TEST_F(WriterTest, CommitsWhatWaitsInOneTransaction) {
  for (RecordNumber n = 1; n <= 20; ++n) push(frame(n, "m" + std::to_string(n)));
  start_connected();

  ASSERT_TRUE(wait_for_control(committed(20)));

  EXPECT_EQ(counters_.messages, 20U);
  EXPECT_EQ(publisher_.sent("deliver/0").size(), 1U);
}

TEST_F(WriterTest, AnswersAResentFrameWithCommittedAndDeliversNothing) {
  start_connected();
  push(frame(1, "m1"));
  ASSERT_TRUE(wait_for_control(committed(1)));
  publisher_.clear();

  push(frame(1, "m1"));

  ASSERT_TRUE(wait_for_control(committed(1)));
  EXPECT_THAT(publisher_.delivered_topics(), IsEmpty());
}

TEST_F(WriterTest, AsksOnceForWhatIsMissing) {
  start_connected();
  for (RecordNumber n = 5; n <= 7; ++n) push(frame(n, "m" + std::to_string(n)));
  push(frame(1, "m1"));

  ASSERT_TRUE(wait_for_control(committed(1)));

  // One for all, and none when the batch that shows the hole fills it too.
  auto asked = controls();
  std::erase(asked, committed(1));
  EXPECT_THAT(asked, testing::AnyOf(IsEmpty(), ElementsAre(from(1))));
  EXPECT_EQ(stored(), 1U);
}

TEST_F(WriterTest, AsksForWhatIsMissing) {
  start_connected();
  push(frame(5, "m5"));
  EXPECT_TRUE(wait_for_control(from(1)));
}

TEST_F(WriterTest, TriesAFailedTransactionAgainUntilItStands) {
  start_connected();
  store_.database.fail(true);
  const int before = store_.database.attempts();
  push(frame(1, "m1"));
  ASSERT_TRUE(eventually([&] { return store_.database.attempts() >= before + 5; }));
  EXPECT_THAT(publisher_.delivered_topics(), IsEmpty());

  store_.database.fail(false);

  ASSERT_TRUE(wait_for_control(committed(1)));
  EXPECT_EQ(publisher_.delivered_topics().size(), 2U);
  EXPECT_EQ(stored(), 1U);
}

TEST_F(WriterTest, GivesUpAJobThatSomebodyWaitsForWhenTheDatabaseFails) {
  start();
  store_.database.fail(true);
  std::atomic<int> failed = 0;
  std::atomic<int> committed = 0;
  ASSERT_TRUE(queue_.push_job({[](WriteTransaction&) {}, [&] { ++committed; }, [&] { ++failed; }}));
  ASSERT_TRUE(eventually([&] { return failed == 1; }));
  // One that nobody waits for is tried until it is done; one that comes meanwhile is answered too.
  ASSERT_TRUE(queue_.push_job({[](WriteTransaction&) {}, [&] { ++committed; }, {}}));
  ASSERT_TRUE(queue_.push_job({[](WriteTransaction&) {}, [&] { ++committed; }, [&] { ++failed; }}));
  ASSERT_TRUE(eventually([&] { return failed == 2; }));

  store_.database.fail(false);

  ASSERT_TRUE(eventually([&] { return committed == 1; }));
  writer_.reset();
  EXPECT_EQ(committed, 1);
  EXPECT_EQ(failed, 2);
}

TEST_F(WriterTest, DoesJobsWithoutAConnection) {
  start();
  std::atomic<bool> done = false;
  ASSERT_TRUE(queue_.push_job({[](WriteTransaction& transaction) {
                                 transaction.block({user("bob"), user("alice")});
                               },
                               [&] { done = true; },
                               {}}));
  ASSERT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_TRUE(store_.database.reader()->is_blocked({user("bob"), user("alice")}));
}

TEST_F(WriterTest, StoresTheMarkOfWhatWasAcknowledged) {
  start_connected();
  push(frame(1, "m1"));
  ASSERT_TRUE(eventually([&] { return stored_mark() > 0; }));
  EXPECT_EQ(stored_mark(), store_.database.reader()->last_log_number());
}

// A confirmation that keeps its distance is told without a transaction of its own.
TEST_F(WriterTest, ConfirmsWithoutWritingTheMarkByItself) {
  WriterOptions options;
  options.idle = std::chrono::hours(1);
  writer_.emplace(
      store_.database, queue_, publisher_, options,
      Writer::Events{.on_ready = [this](std::uint64_t session) { ready_ = session; }, .on_broken = [] {}},
      counters_);
  connect();
  constexpr RecordNumber kFrames = 20;
  for (RecordNumber n = 1; n <= kFrames; ++n) {
    push(frame(n, "m" + std::to_string(n)));
    ASSERT_TRUE(wait_for_control(committed(n)));
  }
  EXPECT_EQ(counters_.commits, kFrames);
}

TEST_F(WriterTest, DeliversAgainWhatWasNotAcknowledgedBeforeItAnswersHello) {
  publisher_.acknowledge(false);
  start_connected();
  push(frame(1, "m1"));
  push(frame_of(node(), 1, {receipt_record(2, "bob", "alice", R"({"read":1})")}));
  ASSERT_TRUE(wait_for_control(committed(2)));
  const auto first = publisher_.delivered();
  EXPECT_EQ(stored_mark(), 0U);

  ASSERT_NE(queue_.disconnected(), 0U);
  publisher_.settle(false);
  publisher_.clear();
  publisher_.acknowledge(true);
  push(frame_of(node(), 2, {}));
  connect();

  ASSERT_TRUE(wait_for_control(from(3)));
  const auto sent = publisher_.sent();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].topic, "svc/store/blocks");
  EXPECT_EQ(sent[1].topic, "deliver/0");
  EXPECT_EQ(sent[2].topic, kControl);
  const auto again = publisher_.delivered();
  ASSERT_EQ(again.size(), first.size());
  for (const auto& delivery : first) {
    EXPECT_TRUE(std::any_of(again.begin(), again.end(), [&](const auto& one) {
      return one.topic == delivery.topic && one.payload == delivery.payload;
    })) << delivery.topic;
  }
  ASSERT_TRUE(eventually([&] { return stored_mark() > 0; }));
}

TEST_F(WriterTest, DeliversAgainAfterItsProcessWasKilled) {
  store_.store_message("alice", "bob", "m1");  // committed, and nobody was told
  start_connected();
  EXPECT_THAT(publisher_.delivered_topics(), ElementsAre("u/alice/in/bob/sent", "u/bob/in/alice/msg"));
}

TEST_F(WriterTest, BeginsASessionAgainWhenThatFailed) {
  publisher_.answer_with(PublishResult::queue_full);
  start();
  queue_.connected();
  push(frame_of(node(), 0, {}));
  publisher_.answer_with(PublishResult::accepted);
  EXPECT_TRUE(wait_for_control(from(1)));
}

TEST_F(WriterTest, AsksAgainForADamagedFrameAndGivesUpInTheEnd) {
  start_connected();
  push(frame_of(node(), 0, {}));
  ASSERT_TRUE(wait_for_control(from(1)));
  auto damaged = frame(1, "m1");
  damaged.back() = static_cast<char>(damaged.back() ^ 1);

  for (std::size_t i = 1; i <= 5; ++i) {
    push(damaged);
    ASSERT_TRUE(publisher_.wait_for(kControl, 1 + i));
    EXPECT_EQ(controls().back(), from(1));
    EXPECT_FALSE(broken_);
  }
  push(damaged);

  EXPECT_TRUE(eventually([&] { return broken_.load(); }));
  EXPECT_EQ(stored(), 0U);
}

TEST_F(WriterTest, ForgivesDamageThatDoesNotComeAgain) {
  start_connected();
  push(frame_of(node(), 0, {}));
  ASSERT_TRUE(wait_for_control(from(1)));
  for (RecordNumber n = 1; n <= 10; ++n) {
    auto damaged = frame(n, "m" + std::to_string(n));
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    publisher_.clear();
    push(damaged);
    ASSERT_TRUE(wait_for_control(from(n)));
    push(frame(n, "m" + std::to_string(n)));
    ASSERT_TRUE(wait_for_control(committed(n)));
  }
  EXPECT_FALSE(broken_);
  EXPECT_EQ(stored(), 10U);
}

TEST_F(WriterTest, ConnectsAnewWhenADeliveryIsRefused) {
  publisher_.acknowledge(false);
  start_connected();
  push(frame(1, "m1"));
  ASSERT_TRUE(wait_for_control(committed(1)));
  publisher_.settle(false);
  EXPECT_EQ(publisher_.reconnects(), 0);
  // Only after a while: usually the connection is at its end, and that is about to be told.
  EXPECT_TRUE(eventually([&] {
    ++seconds_;
    return publisher_.reconnects() > 0;
  }));
}

TEST_F(WriterTest, FinishesWhatIsInHandAtTheEnd) {
  start_connected();
  push(frame(1, "m1"));
  writer_.reset();
  EXPECT_EQ(stored(), 1U);
  EXPECT_EQ(stored_mark(), store_.database.reader()->last_log_number());
}

TEST_F(WriterTest, EndsWhileTheDatabaseFails) {
  start_connected();
  store_.database.fail(true);
  const int before = store_.database.attempts();
  push(frame(1, "m1"));
  ASSERT_TRUE(eventually([&] { return store_.database.attempts() > before; }));
  writer_.reset();
  store_.database.fail(false);
  EXPECT_EQ(stored(), 0U);
}

}  // namespace
}  // namespace duet
