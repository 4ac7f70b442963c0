// The store tells the push bridge of those alone who have a push registration, and of each who has one in
// time.

#include <gmock/gmock.h>

#include "protocol/push_payload.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr auto kStoreFeedTopic = "svc/store/feed";

class PushRegistered : public PushPlatformTest<PushRegistered> {
 protected:
  // A second client of the bridge's role, which hears every page that the store sends.
  static std::unique_ptr<TestClient> listener() {
    auto client =
        std::make_unique<TestClient>(ConnectSpec{.port = platform().mqtt_port(),
                                                 .client_id = "duet-push.listener",
                                                 .username = std::nullopt,
                                                 .password = platform().tokens().service(Role::push),
                                                 .will = std::nullopt});
    EXPECT_EQ(client->connect(), kSuccess);
    EXPECT_LT(client->subscribe(kStoreFeedTopic), 0x80);
    return client;
  }
  // To whom the messages are that the pages tell of.
  static std::vector<std::string> recipients(const std::vector<Received>& inbox) {
    std::vector<std::string> names;
    for (const auto& received : inbox) {
      const auto page = parse_push_feed_page(received.payload);
      if (!page) continue;
      for (const auto& event : page->events) {
        if (const auto* message = std::get_if<PushMessage>(&event)) names.push_back(message->to.str());
      }
    }
    return names;
  }
  static std::string token_of(const std::string& user) { return "token-of-" + user; }
  // Registered when the broker has acknowledged it, and gone.
  void register_and_go(const std::string& user) {
    auto device = online(user);
    ASSERT_LT(device->mqtt().publish(push_says(*device, {{"platform", "fcm"}, {"token", token_of(user)}})),
              0x80);
    device->go_offline();
  }
};

TEST_F(PushRegistered, TheBridgeHearsNothingOfWhoHasNoRegistration) {
  const auto alice = online(fresh_user("alice"));
  const std::string bob = fresh_user("bob");
  const std::string carol = fresh_user("carol");
  phone(carol, token_of(carol))->go_offline();
  alice->send(carol, "the store knows of carol once this is pushed");
  wait_push(token_of(carol));

  const auto heard = listener();
  alice->send(bob, "nobody is to be woken");
  alice->send(carol, "and this is told after it");
  ASSERT_TRUE(heard->wait_until([](const auto& inbox) { return !recipients(inbox).empty(); }));
  EXPECT_THAT(recipients(heard->inbox()), Contains(carol));
  EXPECT_THAT(recipients(heard->inbox()), Not(Contains(bob)));
}

TEST_F(PushRegistered, AMessageRightAfterTheRegistrationIsPushed) {
  const auto alice = online(fresh_user("alice"));
  constexpr int kUsers = 10;
  std::vector<std::string> users;
  for (int i = 0; i < kUsers; ++i) {
    users.push_back(fresh_user("bob"));
    alice->send(users.back(), "before there was a registration");
    register_and_go(users.back());
    alice->send(users.back(), "after it");
  }
  for (const auto& user : users) wait_push(token_of(user));
}

// Each of them forgets what it knew of the other's users.
TEST_F(PushRegistered, WhoRegisteredBeforeAProcessDiedIsPushedAfterIt) {
  const auto alice = online(fresh_user("alice"));
  for (const bool store_dies : {true, false}) {
    const std::string before = fresh_user("bob");
    const std::string between = fresh_user("carol");
    phone(before, token_of(before))->go_offline();
    if (store_dies) {
      platform().kill_and_await({Service::store});
      SetUp();  // takes the new store for the one that must not die
    } else {
      bridge_->kill();
      alice->send(before, "while the bridge is away");
      bridge_->start();
    }
    register_and_go(between);
    alice->send(before, "registered before");
    alice->send(between, "registered since");
    wait_push(token_of(before));
    wait_push(token_of(between));
  }
}

}  // namespace
}  // namespace duet
