#include "acl/principal.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "acl/token.h"

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

Claims claims_of(Role role, const char* subject, std::optional<DeviceId> device = std::nullopt) {
  return {role, subject, std::move(device), kLater};
}

TEST(PrincipalFor, BindsTheClientIdToTheSubject) {
  const auto principal = principal_for(claims_of(Role::chat, "alice"), "alice:phone");
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->client_id(), "alice:phone");
  EXPECT_EQ(principal->expires_at(), kLater);
  for (const char* client_id : {"", "alice", "alice:", "bob:phone", "Alice:phone", "alice:phone:x",
                                "alice2:phone", "duet-store", ":phone", "alice/phone"}) {
    EXPECT_FALSE(principal_for(claims_of(Role::chat, "alice"), client_id)) << client_id;
  }
}

TEST(PrincipalFor, BindsTheDeviceWhenTheTokenNamesOne) {
  const auto claims = claims_of(Role::chat, "alice", DeviceId::parse("phone"));
  EXPECT_TRUE(principal_for(claims, "alice:phone"));
  EXPECT_FALSE(principal_for(claims, "alice:web"));
  EXPECT_FALSE(principal_for(claims, "alice:Phone"));
}

TEST(PrincipalFor, BindsAServiceToItsRole) {
  const auto claims = claims_of(Role::store, "store");
  EXPECT_EQ(principal_for(claims, "duet-store")->role(), Role::store);
  EXPECT_EQ(principal_for(claims, "duet-store.2")->client_id(), "duet-store.2");
  for (const char* client_id : {"duet-push", "store", "store:phone", "duet-store:phone", "", "duet-store."}) {
    EXPECT_FALSE(principal_for(claims, client_id)) << client_id;
  }
  // A user of that name stays a user.
  EXPECT_FALSE(principal_for(claims_of(Role::chat, "duet-store"), "duet-store"));
  EXPECT_EQ(principal_for(claims_of(Role::chat, "duet-store"), "duet-store:d")->role(), Role::chat);
}

}  // namespace
}  // namespace duet
