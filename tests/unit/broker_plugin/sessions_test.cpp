#include "broker_plugin/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Timestamp kStart{std::chrono::hours(1)};
constexpr std::chrono::seconds kLife{100};

Principal device_of(std::string_view client_id) {
  return Principal::of_device(*parse_client_id(client_id), kStart + kLife);
}

class SessionsTest : public testing::Test {
 protected:
  // A connection is only compared, so any address will do.
  Connection at(std::size_t i) const { return &contexts_[i]; }
  Session& begin(std::size_t i, std::string_view client_id, Timestamp ends_at = kStart + kLife) {
    return sessions_.begin(at(i), device_of(client_id), ends_at);
  }

  std::array<char, 40> contexts_{};
  Sessions sessions_;
};

TEST_F(SessionsTest, FindsByPointerAndClientIdTogether) {
  begin(0, "alice:phone");
  EXPECT_NE(sessions_.find(at(0), "alice:phone"), nullptr);
  EXPECT_EQ(sessions_.find(at(0), "bob:phone"), nullptr);
  EXPECT_EQ(sessions_.find(at(1), "alice:phone"), nullptr);
}

TEST_F(SessionsTest, TheSecondEndOfAConnectionDoesNothing) {
  begin(0, "alice:phone");
  EXPECT_TRUE(sessions_.end(at(0)));
  EXPECT_FALSE(sessions_.end(at(0)));
  EXPECT_FALSE(sessions_.connected("alice:phone"));
}

// Mosquitto: BASIC_AUTH of the new connection comes before DISCONNECT of the old.
TEST_F(SessionsTest, TheEndOfATakenOverConnectionLeavesTheNewOneAlone) {
  begin(0, "alice:phone");
  begin(1, "alice:phone");
  EXPECT_TRUE(sessions_.find(at(0), "alice:phone")->superseded);
  EXPECT_TRUE(sessions_.end(at(0)));
  EXPECT_TRUE(sessions_.connected("alice:phone"));
  EXPECT_FALSE(sessions_.find(at(1), "alice:phone")->superseded);
  EXPECT_EQ(sessions_.devices_of(*UserId::parse("alice"), ""), 1U);
}

TEST_F(SessionsTest, CountsTheOtherDevicesOfAUser) {
  const auto alice = *UserId::parse("alice");
  begin(0, "alice:a");
  begin(1, "alice:b");
  begin(2, "bob:a");
  EXPECT_EQ(sessions_.devices_of(alice, "alice:new"), 2U);
  EXPECT_EQ(sessions_.devices_of(alice, "alice:a"), 1U);
  sessions_.end(at(0));
  sessions_.end(at(1));
  EXPECT_EQ(sessions_.devices_of(alice, "alice:new"), 0U);
}

TEST_F(SessionsTest, EachExpiredSessionIsTakenOnce) {
  begin(0, "alice:a", kStart + std::chrono::seconds(1));
  begin(1, "bob:a", kStart + std::chrono::seconds(2));
  EXPECT_THAT(sessions_.take_expired(kStart), IsEmpty());
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(1)), ElementsAre("alice:a"));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(2)), ElementsAre("bob:a"));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::hours(1)), IsEmpty());
}

TEST_F(SessionsTest, AnExtendedSessionLivesOn) {
  Session& session = begin(0, "alice:a", kStart + std::chrono::seconds(1));
  sessions_.extend(session, at(0), kStart + std::chrono::seconds(5));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(1)), IsEmpty());
  EXPECT_FALSE(session.expired(kStart + std::chrono::seconds(1)));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(5)), ElementsAre("alice:a"));
}

TEST_F(SessionsTest, AReusedPointerDoesNotInheritAnExpiry) {
  begin(0, "alice:a", kStart + std::chrono::seconds(1));
  sessions_.end(at(0));
  begin(0, "bob:a", kStart + std::chrono::seconds(9));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(1)), IsEmpty());
}

// A kick goes by client id: it would hit the new connection.
TEST_F(SessionsTest, ASupersededSessionIsNotKicked) {
  begin(0, "alice:a", kStart + std::chrono::seconds(1));
  begin(1, "alice:a", kStart + std::chrono::seconds(9));
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(1)), IsEmpty());
}

TEST_F(SessionsTest, ConnectingOverAndOverCostsNoMemory) {
  begin(1, "bob:a", kStart + std::chrono::seconds(1));
  for (int i = 0; i < 10'000; ++i) {
    begin(0, "alice:a");
    sessions_.end(at(0));
  }
  EXPECT_LT(sessions_.expected_ends(), 2000U);
  EXPECT_THAT(sessions_.take_expired(kStart + std::chrono::seconds(1)), ElementsAre("bob:a"));
}

TEST_F(SessionsTest, OnlineIsWhoLivesAndSaidSo) {
  begin(0, "alice:a").stated = DeviceState::online;
  begin(1, "bob:a");
  begin(2, "carol:a").stated = DeviceState::online;
  begin(3, "carol:a");  // took over and has not said anything yet
  EXPECT_THAT(sessions_.online(), ElementsAre(*parse_client_id("alice:a")));
}

TEST_F(SessionsTest, EndsThoseOfAUserThatAreOver) {
  begin(0, "alice:phone");
  begin(1, "alice:laptop");
  begin(2, "bob:phone");
  begin(3, "alice:laptop");  // takes over from 1
  const auto laptops = [](const Principal& who) { return who.device()->device.str() == "laptop"; };
  sessions_.end_where(*UserId::parse("alice"), laptops);
  EXPECT_THAT(sessions_.take_expired(kStart), ElementsAre("alice:laptop"));
  sessions_.end_where(*UserId::parse("alice"), laptops);
  EXPECT_THAT(sessions_.take_expired(kStart), IsEmpty());  // kicked already
  sessions_.end_where(*UserId::parse("carol"), laptops);
  EXPECT_TRUE(sessions_.end(at(3)));
  EXPECT_TRUE(sessions_.end(at(1)));
  EXPECT_EQ(sessions_.devices_of(*UserId::parse("alice"), ""), 1U);
}

}  // namespace
}  // namespace duet
