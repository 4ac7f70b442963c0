#include "store_service/write_queue.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

TEST(WriteQueue, HasNoSessionBeforeTheFirstConnection) {
  WriteQueue queue;
  EXPECT_EQ(queue.session(), 0U);
  EXPECT_EQ(queue.disconnected(), 0U);
}

TEST(WriteQueue, NumbersSessionsUpwards) {
  WriteQueue queue;
  queue.connected();
  EXPECT_EQ(queue.session(), 1U);
  EXPECT_EQ(queue.disconnected(), 1U);
  EXPECT_EQ(queue.session(), 0U);
  queue.connected();
  EXPECT_EQ(queue.session(), 2U);
}

TEST(WriteQueue, KeepsFramesUntilTheirSessionIsPrepared) {
  WriteQueue queue;
  ASSERT_TRUE(queue.push_frame("hello, sent before the connection was announced"));
  EXPECT_TRUE(queue.take(0).frames.empty());
  queue.connected();
  EXPECT_TRUE(queue.take(0).frames.empty());
  EXPECT_EQ(queue.take(1).frames.size(), 1U);
}

TEST(WriteQueue, DropsTheFramesOfASessionThatEnded) {
  WriteQueue queue;
  queue.connected();
  ASSERT_TRUE(queue.push_frame("frame"));
  queue.disconnected();
  queue.connected();
  EXPECT_TRUE(queue.take(2).frames.empty());
}

TEST(WriteQueue, RefusesFramesAndJobsBeyondItsBounds) {
  WriteQueue queue;
  for (std::size_t i = 0; i < WriteQueue::kMaxFrames; ++i) ASSERT_TRUE(queue.push_frame("frame"));
  EXPECT_FALSE(queue.push_frame("one too many"));
  for (std::size_t i = 0; i < WriteQueue::kMaxJobs; ++i) ASSERT_TRUE(queue.push_job({}));
  EXPECT_FALSE(queue.push_job({}));
}

TEST(WriteQueue, EndsTheWaitForJobsFramesSessionsAndTheEnd) {
  const std::chrono::hours forever(1);
  WriteQueue queue;
  std::stop_source stop;
  ASSERT_TRUE(queue.push_job({}));
  queue.wait(stop.get_token(), 0, forever);
  EXPECT_EQ(queue.take(0).jobs.size(), 1U);

  queue.connected();
  queue.wait(stop.get_token(), 0, forever);

  ASSERT_TRUE(queue.push_frame("frame"));
  queue.wait(stop.get_token(), 1, forever);
  EXPECT_EQ(queue.take(1).frames.size(), 1U);

  stop.request_stop();
  queue.wait(stop.get_token(), 1, forever);
}

TEST(WriteQueue, GivesEachNameThatWasSeenOnceAndNoMoreThanItHasRoomFor) {
  WriteQueue queue;
  const auto name = [](std::size_t i) { return UserId::parse("u" + std::to_string(i)).value(); };
  for (int i = 0; i < 3; ++i) queue.note_seen(name(1));
  EXPECT_EQ(queue.take(0).seen, std::vector{name(1)});
  queue.note_seen(name(1));
  EXPECT_TRUE(queue.take(0).seen.empty());
  for (std::size_t i = 2; i < 2 * WriteQueue::kMaxSeen; ++i) queue.note_seen(name(i));
  EXPECT_EQ(queue.take(0).seen.size(), WriteQueue::kMaxSeen);
  queue.note_seen(name(1));
  EXPECT_EQ(queue.take(0).seen.size(), 1U) << "it is forgotten, not lost";
}

}  // namespace
}  // namespace duet
