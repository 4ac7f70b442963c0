// What is bounded: the tables of the throttle, the queue of the workers.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "auth_service/throttle.h"
#include "auth_service/worker_pool.h"

namespace duet {
namespace {

using namespace std::chrono_literals;

const Throttle::Clock::time_point kStart{1h};

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(Throttle, LetsABurstThroughAndThenTheRate) {
  Throttle throttle({.per_second = 0.5, .burst = 2});
  EXPECT_FALSE(throttle.take("alice", kStart));
  EXPECT_FALSE(throttle.take("alice", kStart));
  EXPECT_EQ(throttle.take("alice", kStart), 2000ms);
  EXPECT_FALSE(throttle.take("bob", kStart));
  EXPECT_FALSE(throttle.take("alice", kStart + 2s));
}

// With as many keys as there are slots, some must share one: the table does not grow with the names.
TEST(Throttle, HasABoundedTable) {
  Throttle throttle({.per_second = 0.001, .burst = 1});
  std::size_t refused = 0;
  for (std::size_t i = 0; i < Throttle::kSlots; ++i) {
    refused += throttle.take("user" + std::to_string(i), kStart) ? 1U : 0U;
  }
  // A share of 1/e is expected; half of that and its double are far outside chance.
  EXPECT_GT(refused, Throttle::kSlots / 6);
  EXPECT_LT(refused, Throttle::kSlots * 3 / 4);
}

TEST(LoginThrottle, AnAddressThatIsThrottledUsesUpNoAccount) {
  LoginThrottle throttle({.per_second = 0.001, .burst = 2}, {.per_second = 0.001, .burst = 1});
  EXPECT_FALSE(throttle.take("alice", ip("192.0.2.1"), kStart));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(throttle.take("alice", ip("192.0.2.1"), kStart));
  EXPECT_FALSE(throttle.take("alice", ip("192.0.2.2"), kStart));
  EXPECT_TRUE(throttle.take("alice", ip("192.0.2.3"), kStart));
}

TEST(LoginThrottle, TakesOneIpv6NetworkAsOneAddress) {
  LoginThrottle throttle({.per_second = 1, .burst = 100}, {.per_second = 0.001, .burst = 1});
  EXPECT_FALSE(throttle.take_address(ip("2001:db8::1"), kStart));
  EXPECT_TRUE(throttle.take_address(ip("2001:db8::2"), kStart));
}

TEST(WorkerPool, FinishesWhatWasAdded) {
  std::atomic<int> done{0};
  WorkerPool pool(3);
  for (int i = 0; i < 100; ++i) pool.add([&done] { ++done; });
  pool.finish();
  EXPECT_EQ(done, 100);
}

TEST(WorkerPool, MakesWhoAddsWaitWhileItIsFull) {
  std::latch busy(1);
  std::latch release(1);
  std::latch adding(1);
  std::atomic<bool> released{false};
  WorkerPool pool(1);
  pool.add([&] {
    busy.count_down();
    release.wait();
  });
  busy.wait();
  pool.add([] {});  // fills the queue
  std::jthread another([&] {
    adding.count_down();
    pool.add([] {});
    EXPECT_TRUE(released);
  });
  adding.wait();
  std::this_thread::yield();
  released = true;
  release.count_down();
}

}  // namespace
}  // namespace duet
