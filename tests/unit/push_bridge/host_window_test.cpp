#include "push_bridge/host_window.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

using std::chrono::seconds;
using End = HostWindow::End;

constexpr std::size_t kMost = 3;
const HostWindow::TimePoint kStart{std::chrono::hours(1)};

// How many places there are, all of which stay taken.
std::size_t places(HostWindow& window, HostWindow::TimePoint now = kStart) {
  std::size_t taken = 0;
  while (window.take(now)) ++taken;
  return taken;
}

HostWindow proven() {
  HostWindow window(kMost);
  EXPECT_TRUE(window.take(kStart));
  window.give_back(End::success, kStart);
  return window;
}

TEST(HostWindow, IsOneUntilASuccess) {
  HostWindow window(kMost);
  EXPECT_EQ(places(window), 1U);
  window.give_back(End::refusal, kStart);
  EXPECT_EQ(places(window), 1U);
  window.give_back(End::success, kStart);
  EXPECT_EQ(places(window), kMost);
  EXPECT_EQ(window.taken(), kMost);
}

TEST(HostWindow, IsOneAgainAfterAConnectionFailed) {
  HostWindow window = proven();
  EXPECT_EQ(places(window), kMost);
  window.give_back(End::connection_failure, kStart);
  EXPECT_FALSE(window.take(kStart));
  window.give_back(End::connection_failure, kStart);
  window.give_back(End::connection_failure, kStart);
  EXPECT_EQ(places(window), 1U);
}

TEST(HostWindow, StaysWhenOnePostAloneFails) {
  HostWindow window = proven();
  EXPECT_TRUE(window.take(kStart));
  window.give_back(End::stream_failure, kStart);
  EXPECT_TRUE(window.take(kStart));
  window.give_back(End::timeout, kStart);
  EXPECT_EQ(places(window), kMost);
}

TEST(HostWindow, IsOneAgainAfterAnIdleTime) {
  HostWindow window = proven();
  EXPECT_EQ(places(window, kStart + seconds(9)), kMost);
  for (std::size_t n = 0; n < kMost; ++n) window.give_back(End::success, kStart + seconds(9));
  EXPECT_EQ(places(window, kStart + seconds(30)), 1U);
  window.give_back(End::success, kStart + seconds(30));
  EXPECT_EQ(places(window, kStart + seconds(30)), kMost);
}

TEST(HostWindow, RenewsOnceNothingIsOnItsWay) {
  HostWindow window = proven();
  EXPECT_TRUE(window.take(kStart));
  EXPECT_FALSE(window.starts_anew());
  window.renew();
  EXPECT_FALSE(window.take(kStart));
  window.give_back(End::success, kStart);
  EXPECT_EQ(places(window), 1U);
  EXPECT_TRUE(window.starts_anew());
  EXPECT_FALSE(window.starts_anew());
  window.give_back(End::success, kStart);
  EXPECT_EQ(places(window), kMost);
}

TEST(HostWindow, RenewsByItselfWhenNothingIsAnswered) {
  HostWindow window = proven();
  for (const End end : {End::timeout, End::timeout, End::refusal, End::timeout, End::timeout}) {
    EXPECT_TRUE(window.take(kStart));
    EXPECT_FALSE(window.starts_anew());
    window.give_back(end, kStart);
  }
  EXPECT_TRUE(window.take(kStart));
  window.give_back(End::timeout, kStart);
  EXPECT_TRUE(window.take(kStart));
  EXPECT_TRUE(window.starts_anew());
}

// How many answers there are until the connection is left, of at most `most`.
int answers_until_left(HostWindow& window, int most) {
  for (int n = 0; n < most; ++n) {
    EXPECT_TRUE(window.take(kStart));
    if (window.starts_anew()) return n;
    window.give_back(End::success, kStart);
  }
  return most;
}

TEST(HostWindow, LeavesAConnectionBeforeTheServerEndsIt) {
  HostWindow window(kMost);
  EXPECT_EQ(answers_until_left(window, 5000), 5000);
  EXPECT_TRUE(window.take(kStart));
  window.give_back(End::connection_failure, kStart);  // 4000 are well
  EXPECT_EQ(answers_until_left(window, 1000), 1000);
  window.connection_ended();  // 800 are
  EXPECT_EQ(answers_until_left(window, 5000), 800);
  window.give_back(End::success, kStart);
  EXPECT_EQ(answers_until_left(window, 5000), 799);
}

TEST(HostWindow, LearnsNothingOfAnEarlyEnd) {
  HostWindow window(kMost);
  EXPECT_EQ(answers_until_left(window, 100), 100);
  window.connection_ended();
  EXPECT_EQ(answers_until_left(window, 5000), 5000);
}

}  // namespace
}  // namespace duet
