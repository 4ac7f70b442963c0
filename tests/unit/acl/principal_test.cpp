#include "acl/principal.h"

#include <gtest/gtest.h>

namespace duet {
namespace {

const Timestamp kLater{std::chrono::seconds(100)};

TEST(Role, HasAName) {
  for (const auto role : {Role::chat, Role::store, Role::push, Role::auth}) {
    EXPECT_EQ(parse_role(to_string(role)), role);
  }
  for (const char* text : {"", "Chat", "chat ", "broker", "admin"}) EXPECT_FALSE(parse_role(text)) << text;
}

TEST(Principal, OfADeviceHasItsClientId) {
  const auto principal = Principal::of_device(*parse_client_id("alice:phone"), kLater);
  EXPECT_EQ(principal.role(), Role::chat);
  EXPECT_EQ(principal.client_id(), "alice:phone");
  EXPECT_EQ(principal.device(), parse_client_id("alice:phone"));
  EXPECT_EQ(principal.expires_at(), kLater);
}

TEST(Principal, OfAServiceHasNoDevice) {
  const auto principal = Principal::of_service(Role::store, "", kLater);
  EXPECT_EQ(principal.client_id(), "duet-store");
  EXPECT_FALSE(principal.device());
  EXPECT_EQ(Principal::of_service(Role::push, "b.2", kLater).client_id(), "duet-push.b.2");
}

TEST(ServiceClientId, NamesRoleAndInstance) {
  for (const auto role : {Role::store, Role::push, Role::auth}) {
    for (const char* instance : {"", "1", "a.b", "a-b_c"}) {
      const auto id = parse_service_client_id(Principal::of_service(role, instance, kLater).client_id());
      ASSERT_TRUE(id);
      EXPECT_EQ(id->role, role);
      EXPECT_EQ(id->instance, instance);
    }
  }
}

TEST(ServiceClientId, IsRefusedInAnyOtherForm) {
  const std::string long_instance(33, 'a');
  for (const std::string& text :
       {std::string("duet-"), std::string("duet-chat"), std::string("duet-broker"),
        std::string("duet-store."), std::string("duet-store.a:b"), std::string("duet-store.a/b"),
        std::string("Duet-store"), std::string("duet-storeX"), std::string("store"), std::string(),
        std::string("alice:phone"), std::string("duet-store:phone"), std::string("duet-store\0", 11),
        "duet-store." + long_instance}) {
    EXPECT_FALSE(parse_service_client_id(text)) << text;
  }
}

// A user may be called duet-store; the colon keeps the two apart.
TEST(ServiceClientId, IsNoUsers) {
  EXPECT_TRUE(parse_client_id("duet-store:phone"));
  EXPECT_FALSE(parse_client_id("duet-store"));
}

}  // namespace
}  // namespace duet
