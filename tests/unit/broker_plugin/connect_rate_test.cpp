// How often a device may connect, and how much is written about those who are not let in.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "broker_plugin/refusal_log.h"
#include "tests/unit/broker_plugin/gate_fixture.h"

namespace duet {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ConnectRateTest : public GateTest {
 protected:
  ConnectRateTest() {
    options_.rates.connects = {0.5, 3};
    start();
  }
  ConnectVerdict connect_once(std::string_view client_id, const std::string& password) {
    const auto verdict = connect(0, client_id, "", password);
    gate_->disconnected(context(0));
    return verdict;
  }
  int accepted_of(int attempts, std::string_view client_id, const std::string& password) {
    int accepted = 0;
    for (int i = 0; i < attempts; ++i) {
      accepted += connect_once(client_id, password) == ConnectVerdict::accept ? 1 : 0;
    }
    return accepted;
  }
};

TEST_F(ConnectRateTest, ADeviceInALoopIsRefusedAndOthersAreNot) {
  EXPECT_EQ(accepted_of(100, "alice:phone", token("alice")), 3);
  EXPECT_EQ(accepted_of(1, "alice:tab", token("alice")), 1);
  EXPECT_EQ(accepted_of(1, "bob:phone", token("bob")), 1);
  pass(seconds(4));
  EXPECT_EQ(accepted_of(100, "alice:phone", token("alice")), 2);
}

// Else a stranger could lock her out.
TEST_F(ConnectRateTest, FailedAttemptsUseUpNothing) {
  const auto stranger = SigningKey::generate(SignatureAlgorithm::es256).sign(spec("alice"));
  for (const std::string& password : {std::string(), stranger, token("eve"), token("alice") + "x"}) {
    EXPECT_EQ(accepted_of(100, "alice:phone", password), 0);
  }
  EXPECT_EQ(accepted_of(100, "alice:phone", token("alice")), 3);
}

TEST_F(ConnectRateTest, RefusedAttemptsOfTheDeviceItselfDoNotProlongItsWait) {
  EXPECT_EQ(accepted_of(4, "alice:phone", token("alice")), 3);
  for (int second = 0; second < 2; ++second) {
    EXPECT_EQ(accepted_of(10, "alice:phone", token("alice")), 0);
    pass(seconds(1));
  }
  EXPECT_EQ(accepted_of(10, "alice:phone", token("alice")), 1);
}

TEST_F(ConnectRateTest, HoldsForEitherWayToBringTheToken) {
  EXPECT_EQ(accepted_of(2, "alice:phone", token("alice")), 2);
  EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
  gate_->disconnected(context(0));
  EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::refuse_for_now);
  EXPECT_EQ(accepted_of(1, "alice:phone", token("alice")), 0);
}

// A renewal costs a signature like a connect, and the connection is the device's own.
TEST_F(ConnectRateTest, RenewalsCountAndOneTooManyIsTheEnd) {
  EXPECT_EQ(authenticate(0, "alice:phone", "", token("alice")), ConnectVerdict::accept);
  EXPECT_EQ(authenticate(0, "alice:phone", "alice", token("alice")), ConnectVerdict::keep);
  EXPECT_EQ(authenticate(0, "alice:phone", "alice", token("alice")), ConnectVerdict::keep);
  EXPECT_EQ(authenticate(0, "alice:phone", "alice", token("alice")), ConnectVerdict::close);
}

TEST_F(ConnectRateTest, ServicesAreNotCounted) {
  EXPECT_EQ(accepted_of(10, "duet-store", token("store", Role::store)), 10);
}

TEST_F(ConnectRateTest, ZeroIsNoLimit) {
  options_.rates.connects = {0, 0};
  start();
  EXPECT_EQ(accepted_of(200, "alice:phone", token("alice")), 200);
}

TEST_F(ConnectRateTest, AReloadAsksForNothing) {
  EXPECT_EQ(accepted_of(3, "alice:phone", token("alice")), 3);
  gate_->reload();
  EXPECT_EQ(connect(5, "alice:phone", "alice", ""), ConnectVerdict::keep);
}

TEST_F(ConnectRateTest, AFloodOfBadTokensLeavesFewLinesAndACount) {
  for (int i = 0; i < 5000; ++i) connect(0, "alice:phone", "", "no token");
  for (int i = 0; i < 5000; ++i) connect(0, "alice", "", "no token");
  EXPECT_THAT(broker_.take_log(), SizeIs(30));
  tick();
  EXPECT_THAT(broker_.take_log(), IsEmpty());
  pass(seconds(10));
  tick();
  const auto told = broker_.take_log();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].second,
            "refused 9970 more: not a compact JWS, 4970; the client id is not user:device, 5000");
  tick();
  EXPECT_THAT(broker_.take_log(), IsEmpty());
}

TEST_F(ConnectRateTest, ARefusalIsLoggedWithItsAddressWhileTheyAreFew) {
  gate_->connect({context(0), "alice:phone", "", "no token", false, "192.0.2.1"}, now_);
  const auto log = broker_.take_log();
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].second, "refused alice:phone from 192.0.2.1: not a compact JWS");
}

// An endless flood has an endless log, but a thin one: a line a second, and one each ten seconds.
TEST(RefusalLogTest, IsBoundedForEver) {
  RecordingBroker broker;
  RefusalLog log(broker);
  const std::chrono::steady_clock::time_point start{std::chrono::hours(1)};
  for (int tenth = 0; tenth < 36'000; ++tenth) {
    const auto now = start + std::chrono::milliseconds(100 * tenth);
    for (int i = 0; i < 10; ++i) log.refused("alice:phone", "192.0.2.1", "expired", now);
    log.tick(now);
  }
  EXPECT_LE(broker.take_log().size(), 30U + 3600 + 360);
}

TEST(RefusalLogTest, CutsEndlessNames) {
  RecordingBroker broker;
  RefusalLog log(broker);
  log.refused(std::string(60'000, 'x'), "192.0.2.1", "expired", {});
  EXPECT_LT(broker.take_log().at(0).second.size(), 200U);
}

}  // namespace
}  // namespace duet
