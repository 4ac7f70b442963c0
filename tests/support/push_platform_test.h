// tests/support/push_platform_test.h: the fixture of the push bridge's end-to-end tests.
#pragma once

#include <stdexcept>

#include "tests/support/bridge_process.h"
#include "tests/support/patience.h"
#include "tests/support/platform_test.h"

namespace duet {

// A platform, the providers' double and a bridge for all tests of the suite, which keep apart by their users'
// names. A violation that the double saw fails the test.
template <typename Suite>
class PushPlatformTest : public SharedPlatformTest<Suite> {
 protected:
  static void SetUpTestSuite() {
    SharedPlatformTest<Suite>::SetUpTestSuite();
    providers_ = std::make_unique<PushDouble>();
    // A bridge that is killed and the operator's test need tokens of their own.
    providers_->set("fresh_share", 0);
    bridge_ = std::make_unique<BridgeProcess>(SharedPlatformTest<Suite>::platform(), *providers_,
                                              std::string(Suite::decision()), Suite::apps());
  }
  static void TearDownTestSuite() {
    if (bridge_) {
      EXPECT_EQ(bridge_->stop(), 0);
    }
    bridge_.reset();
    providers_.reset();
    SharedPlatformTest<Suite>::TearDownTestSuite();
  }
  static std::string_view decision() { return "grace_s = 3\n"; }
  static std::vector<std::string> apps() { return {"chat"}; }
  void TearDown() override {
    EXPECT_EQ(to_string(providers_->violations()), "");
    SharedPlatformTest<Suite>::TearDown();
    if (this->HasFailure()) std::cerr << bridge_->log();
  }

  static Publish push_says(const TestDevice& device, const nlohmann::json& registration) {
    return {.topic = device.push_topic(), .payload = registration.dump(), .correlation = {}};
  }
  // The device is registered when this returns.
  static void register_push(TestDevice& device, const nlohmann::json& registration) {
    const auto before = bridge_->registered();
    ASSERT_LT(device.mqtt().publish(push_says(device, registration)), 0x80);
    ASSERT_TRUE(eventually([&] { return bridge_->registered() == before + 1; }));
  }
  // A device of FCM that is online and has registered the token.
  static std::unique_ptr<TestDevice> phone(const std::string& user, const std::string& token) {
    auto device = SharedPlatformTest<Suite>::online(user);
    register_push(*device, {{"platform", "fcm"}, {"token", token}});
    return device;
  }
  // In the order in which the providers took them.
  static std::vector<AcceptedPush> pushes_to(const std::string& token) {
    auto all = providers_->accepted();
    std::erase_if(all, [&](const AcceptedPush& push) { return push.token != token; });
    return all;
  }
  // The push to the token that was taken as number `count`. Throws when there is none in time.
  static AcceptedPush wait_push(const std::string& token, std::size_t count = 1) {
    if (!eventually([&] { return pushes_to(token).size() >= count; })) {
      throw std::runtime_error("no push came to " + token);
    }
    return pushes_to(token).at(count - 1);
  }
  // Of FCM: the newest message that the push speaks of.
  static std::string seq_of(const AcceptedPush& push) { return push.payload.at("data").at("seq"); }

  static inline std::unique_ptr<PushDouble> providers_;
  static inline std::unique_ptr<BridgeProcess> bridge_;
};

}  // namespace duet
