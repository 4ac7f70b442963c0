// What is bounded: the tables of the throttle, the queue of the workers.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "auth_service/throttle.h"
#include "auth_service/worker_pool.h"
#include "tests/support/patience.h"

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

TEST(RecentKeys, HasABoundedTable) {
  RecentKeys keys;
  const auto key = [](std::size_t i) { return "alice at " + std::to_string(i); };
  std::size_t there = 0;
  EXPECT_FALSE(keys.contains(key(0)));
  for (std::size_t i = 0; i < RecentKeys::kSlots; ++i) keys.add(key(i));
  EXPECT_TRUE(keys.contains(key(RecentKeys::kSlots - 1)));
  for (std::size_t i = 0; i < RecentKeys::kSlots; ++i) there += keys.contains(key(i)) ? 1U : 0U;
  // A share of 1 - 1/e is expected.
  EXPECT_GT(there, RecentKeys::kSlots / 2);
  EXPECT_LT(there, RecentKeys::kSlots * 3 / 4);
}

constexpr RateLimit kSeldom{.per_second = 0.001, .burst = 1};
constexpr RateLimit kOften{.per_second = 1, .burst = 1000};
constexpr Secret kAlices{Secret::Kind::password, "alice"};

TEST(LoginThrottle, CountsAnAccountAtEachAddress) {
  LoginThrottle throttle(kSeldom, kOften, kOften);
  EXPECT_FALSE(throttle.take(kAlices, ip("192.0.2.1"), kStart));
  EXPECT_TRUE(throttle.take(kAlices, ip("192.0.2.1"), kStart));
  EXPECT_FALSE(throttle.take(kAlices, ip("192.0.2.2"), kStart));
  EXPECT_FALSE(throttle.take({Secret::Kind::password, "bob"}, ip("192.0.2.1"), kStart));
}

TEST(LoginThrottle, TakesOneIpv6NetworkAsOneAddress) {
  LoginThrottle throttle(kOften, kSeldom, kOften);
  EXPECT_FALSE(throttle.take_address(ip("2001:db8::1"), kStart));
  EXPECT_TRUE(throttle.take_address(ip("2001:db8::2"), kStart));
  LoginThrottle accounts(kSeldom, kOften, kOften);
  EXPECT_FALSE(accounts.take(kAlices, ip("2001:db8::1"), kStart));
  EXPECT_TRUE(accounts.take(kAlices, ip("2001:db8::2"), kStart));
}

TEST(LoginThrottle, OfANameCountsFailuresAloneAndKnowsWhoWasRight) {
  LoginThrottle throttle(kOften, kOften, kSeldom);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(throttle.take(kAlices, ip("192.0.2.1"), kStart));
  throttle.succeeded(kAlices, ip("2001:db8::1"));
  throttle.failed(kAlices, kStart);
  EXPECT_EQ(throttle.take(kAlices, ip("192.0.2.1"), kStart), 1000s);
  EXPECT_FALSE(throttle.take(kAlices, ip("2001:db8::2"), kStart));
  EXPECT_FALSE(throttle.take({Secret::Kind::password, "bob"}, ip("192.0.2.1"), kStart));
  EXPECT_FALSE(throttle.take({Secret::Kind::password_beside_token, "alice"}, ip("192.0.2.1"), kStart));
  EXPECT_FALSE(throttle.take({Secret::Kind::of_client, "alice"}, ip("192.0.2.1"), kStart));
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
  std::atomic<bool> added{false};
  WorkerPool pool(1);
  pool.add([&] {
    busy.count_down();
    release.wait();
  });
  busy.wait();
  pool.add([] {});  // fills the queue
  std::jthread another([&] {
    pool.add([] {});
    added = true;
  });
  EXPECT_TRUE(eventually([&] { return pool.waiting_to_add() == 1 || added; }));
  EXPECT_FALSE(added);
  release.count_down();
  another.join();
  EXPECT_TRUE(added);
  EXPECT_EQ(pool.waiting_to_add(), 0U);
}

}  // namespace
}  // namespace duet
