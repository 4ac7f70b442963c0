#include "auth_service/mint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace duet {
namespace {

using testing::HasSubstr;

const Timestamp kNow{std::chrono::seconds(1700000000)};

std::string error_of(const MintOptions& options) {
  try {
    make_token_spec(options, kNow);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(MakeTokenSpec, ForAUser) {
  const auto spec = make_token_spec({.user = "alice", .device = "", .service = ""}, kNow);
  EXPECT_EQ(spec.role, Role::chat);
  EXPECT_EQ(spec.subject, "alice");
  EXPECT_FALSE(spec.device);
  EXPECT_EQ(spec.issuer, "duet");
  EXPECT_EQ(spec.audience, "duet");
  EXPECT_EQ(spec.issued_at, kNow);
  EXPECT_EQ(spec.expires_at, kNow + std::chrono::seconds(900));
}

TEST(MakeTokenSpec, ForADevice) {
  const auto spec = make_token_spec({.user = "alice", .device = "phone", .service = ""}, kNow);
  EXPECT_EQ(spec.device, DeviceId::parse("phone"));
}

TEST(MakeTokenSpec, ForAService) {
  for (const auto role : {Role::store, Role::push, Role::auth}) {
    MintOptions options;
    options.service = to_string(role);
    options.issuer = "i";
    options.audience = "a";
    options.ttl = std::chrono::seconds(5);
    const auto spec = make_token_spec(options, kNow);
    EXPECT_EQ(spec.role, role);
    EXPECT_EQ(spec.subject, to_string(role));
    EXPECT_EQ(spec.issuer, "i");
    EXPECT_EQ(spec.audience, "a");
    EXPECT_EQ(spec.expires_at, kNow + std::chrono::seconds(5));
  }
}

TEST(MakeTokenSpec, NamesTheWrongOption) {
  EXPECT_THAT(error_of({.user = "", .device = "", .service = ""}), HasSubstr("either --user or --service"));
  EXPECT_THAT(error_of({.user = "alice", .device = "", .service = "store"}),
              HasSubstr("either --user or --service"));
  EXPECT_THAT(error_of({.user = "al/ice", .device = "", .service = ""}), HasSubstr("--user"));
  EXPECT_THAT(error_of({.user = "alice", .device = "a b", .service = ""}), HasSubstr("--device"));
  EXPECT_THAT(error_of({.user = "", .device = "phone", .service = "store"}), HasSubstr("--device"));
  EXPECT_THAT(error_of({.user = "", .device = "", .service = "chat"}), HasSubstr("--service"));
  EXPECT_THAT(error_of({.user = "", .device = "", .service = "broker"}), HasSubstr("--service"));
  MintOptions dead;
  dead.user = "alice";
  dead.ttl = std::chrono::seconds(0);
  EXPECT_THAT(error_of(dead), HasSubstr("--ttl"));
}

}  // namespace
}  // namespace duet
