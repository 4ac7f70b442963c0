// tests/support/platform_test.h: the fixtures of the end-to-end tests.
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/test_device.h"
#include "tests/support/test_platform.h"

namespace duet {

// A name no other test of this process uses: "alice" becomes "alice.7".
std::string fresh_user(const std::string& name);

// One platform for all tests of the suite, which keep apart by their users' names. Prints the logs of a test
// that failed. A suite that needs another configuration derives and hides config().
template <typename Suite>
class SharedPlatformTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { platform_ = std::make_unique<TestPlatform>(Suite::spec()); }
  static void TearDownTestSuite() { platform_.reset(); }
  static PlatformSpec spec() { return {.config = std::string(Suite::config())}; }
  static std::string_view config() { return kUnlimited; }

  void SetUp() override {
    broker_ = platform().pid(Service::broker);
    store_ = platform().pid(Service::store);
    gateway_ = platform().pid(Service::gateway);
    auth_ = platform().pid(Service::auth);
    proxy_ = platform().pid(Service::proxy);
  }
  void TearDown() override {
    EXPECT_EQ(platform().pid(Service::broker), broker_) << "the broker died";
    EXPECT_EQ(platform().pid(Service::store), store_) << "the store died";
    EXPECT_EQ(platform().pid(Service::gateway), gateway_) << "the gateway died";
    EXPECT_EQ(platform().pid(Service::auth), auth_) << "the auth service died";
    EXPECT_EQ(platform().pid(Service::proxy), proxy_) << "the proxy died";
    if (HasFailure()) std::cerr << platform().logs();
  }

  static TestPlatform& platform() {
    if (!platform_) throw std::runtime_error("the suite's platform did not start");
    return *platform_;
  }
  // A device that is connected, subscribed and online.
  static std::unique_ptr<TestDevice> online(const std::string& user, const std::string& device = "phone",
                                            MqttVersion version = MqttVersion::v5) {
    auto made = std::make_unique<TestDevice>(platform(), user, device, version);
    made->go_online();
    return made;
  }

 private:
  static inline std::unique_ptr<TestPlatform> platform_;
  pid_t broker_ = -1;
  pid_t store_ = -1;
  pid_t gateway_ = -1;
  pid_t auth_ = -1;
  pid_t proxy_ = -1;  // stays so without the front door
};

// A platform of its own for each test, which may kill what it likes.
class OwnPlatformTest : public ::testing::Test {
 protected:
  explicit OwnPlatformTest(std::string_view config = kUnlimited) : platform_(config) {}
  explicit OwnPlatformTest(const PlatformSpec& spec) : platform_(spec) {}
  void TearDown() override {
    if (HasFailure()) std::cerr << platform_.logs();
  }
  TestPlatform& platform() { return platform_; }
  std::unique_ptr<TestDevice> online(const std::string& user, const std::string& device = "phone",
                                     MqttVersion version = MqttVersion::v5) {
    auto made = std::make_unique<TestDevice>(platform_, user, device, version);
    made->go_online();
    return made;
  }

 private:
  TestPlatform platform_;
};

}  // namespace duet
