// Presence: who hears of whom, and when.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class Presence : public SharedPlatformTest<Presence> {
 protected:
  // What `device` was told live about `peer`, in order.
  static std::vector<bool> told(TestDevice& device, const std::string& peer) {
    std::vector<bool> states;
    for (const Received& received : device.mqtt().inbox()) {
      if (received.topic == in_topic(device.user(), peer, InKind::presence)) {
        states.push_back(received.json().at("online").get<bool>());
      }
    }
    return states;
  }
  static void wait_told(TestDevice& device, const std::string& peer, bool online) {
    const bool came = eventually([&] {
      const auto states = told(device, peer);
      return !states.empty() && states.back() == online;
    });
    EXPECT_TRUE(came) << peer << " online=" << online;
  }
  // From the request on the device is told of changes.
  static void watch(TestDevice& device, const std::string& peer) {
    device.result("presence", {{"with", peer}});
  }
  static bool is_online(TestDevice& device, const std::string& peer) {
    return device.result("presence", {{"with", peer}}).at("online").get<bool>();
  }

  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

TEST_F(Presence, APeerIsTold) {
  const auto alice = online(alice_);
  alice->send(bob_, "so that we know each other");
  EXPECT_FALSE(is_online(*alice, bob_));
  EXPECT_TRUE(alice->result("presence", {{"with", bob_}}).at("last_seen").is_null());
  auto bob = online(bob_);
  wait_told(*alice, bob_, true);
  EXPECT_TRUE(is_online(*alice, bob_));
  bob->mqtt().drop();  // the will, or the plugin, says offline
  wait_told(*alice, bob_, false);
  EXPECT_FALSE(is_online(*alice, bob_));
  EXPECT_TRUE(alice->result("presence", {{"with", bob_}}).at("last_seen").is_number());
}

TEST_F(Presence, ADeviceThatSaysGoodbyeIsOfflineToo) {
  const auto alice = online(alice_);
  alice->send(bob_, "hello");
  watch(*alice, bob_);
  auto bob = online(bob_);
  wait_told(*alice, bob_, true);
  bob->go_offline();  // DISCONNECT: no will, no `offline` from the client
  wait_told(*alice, bob_, false);
}

TEST_F(Presence, AUserIsOnlineWhileOneDeviceIs) {
  const auto alice = online(alice_);
  alice->send(bob_, "hello");
  watch(*alice, bob_);
  auto phone = online(bob_, "phone");
  auto laptop = online(bob_, "laptop");
  wait_told(*alice, bob_, true);
  phone->go_offline();
  EXPECT_TRUE(eventually([&] {
    const json devices = laptop->result("devices").at("devices");
    for (const json& device : devices) {
      if (device.at("device") == "phone") return !device.at("online").get<bool>();
    }
    return false;
  }));
  EXPECT_TRUE(is_online(*alice, bob_));
  laptop->go_offline();
  wait_told(*alice, bob_, false);
  const auto states = told(*alice, bob_);
  EXPECT_EQ(std::count(states.begin(), states.end(), false), 1) << "offline only when the last device goes";
}

TEST_F(Presence, AConnectedDeviceThatSaysOfflineIsOffline) {
  const auto alice = online(alice_);
  alice->send(bob_, "hello");
  watch(*alice, bob_);
  const auto bob = online(bob_);
  wait_told(*alice, bob_, true);
  bob->mqtt().publish(
      {.topic = bob->presence_topic(), .payload = R"({"state": "offline"})", .correlation = {}});
  wait_told(*alice, bob_, false);
  EXPECT_TRUE(bob->mqtt().connected());
}

TEST_F(Presence, OfStrangersIsNotTold) {
  const auto alice = online(alice_);
  {
    const auto bob = online(bob_);
    EXPECT_EQ(alice->error_of("presence", {{"with", bob_}}), "not_found");
    bob->go_offline();
    const auto again = online(bob_);
    again->await_store();
  }
  EXPECT_EQ(alice->error_of("presence", {{"with", fresh_user("nobody")}}), "not_found");
  const auto carol = online(fresh_user("carol"));
  carol->send(alice_, "a marker");
  settle(*carol, *alice, *alice);
  EXPECT_THAT(told(*alice, bob_), IsEmpty());
}

// A store that starts anew learns who is online from the broker.
class PresenceAcrossCrashes : public OwnPlatformTest {};

TEST_F(PresenceAcrossCrashes, IsTheTruthAfterARestartOfEither) {
  auto alice = online("alice");
  auto bob = online("bob");
  alice->send("bob", "hello");
  const auto sees_bob = [&](bool online) {
    return eventually([&] {
      const json reply = alice->request("presence", {{"with", "bob"}});
      return reply.contains("result") && reply.at("result").at("online") == online;
    });
  };
  EXPECT_TRUE(sees_bob(true));
  platform().kill_and_await({Service::store});
  alice->await_store();
  EXPECT_TRUE(sees_bob(true));

  platform().kill_and_await({Service::broker});
  alice->go_online();
  alice->await_store();
  EXPECT_TRUE(sees_bob(false)) << "bob has not come back";
  bob->go_online();
  EXPECT_TRUE(sees_bob(true));

  // He goes while the store is away.
  platform().kill(Service::store, SIGSTOP);
  const pid_t store = platform().pid(Service::store);
  bob->go_offline();
  alice->round_trip();
  ::kill(store, SIGKILL);
  platform().await_replaced(Service::store, store);
  alice->await_store();
  EXPECT_TRUE(sees_bob(false));
}

}  // namespace
}  // namespace duet
