#include "push_bridge/sender.h"

#include <gtest/gtest.h>

#include "push_bridge/apns_sender.h"
#include "push_bridge/fcm_sender.h"
#include "push_bridge/webpush_sender.h"

namespace duet {
namespace {

TEST(PlatformOf, IsThatOfTheTarget) {
  EXPECT_EQ(platform_of(FcmTarget{"token"}), Platform::fcm);
  EXPECT_EQ(platform_of(ApnsTarget{"00ff", ApnsEnvironment::sandbox}), Platform::apns);
  EXPECT_EQ(platform_of(WebPushTarget{"https://push.example/1", {"key", "secret"}}), Platform::webpush);
}

}  // namespace
}  // namespace duet
