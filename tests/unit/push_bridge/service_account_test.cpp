#include <gtest/gtest.h>

#include <string>

#include "push_bridge/fcm_sender.h"
#include "tests/unit/push_bridge/sender_fixture.h"

namespace duet {
namespace {

using nlohmann::json;

constexpr const char* kAccountTokenUri = "https://oauth2.googleapis.com/token";

json account_file() {
  return {{"type", "service_account"},
          {"project_id", "duet-1a2b3"},
          {"private_key_id", "0123abcd"},
          {"private_key", push_rsa_key().to_pem()},
          {"client_email", "push@duet-1a2b3.iam.gserviceaccount.com"},
          {"client_id", "1234"},
          {"auth_uri", "https://accounts.google.com/o/oauth2/auth"},
          {"token_uri", kAccountTokenUri}};
}

TEST(ServiceAccountFile, IsWhatGoogleGives) {
  const auto account = parse_service_account(account_file().dump());
  ASSERT_TRUE(account) << account.error();
  EXPECT_EQ(account->project_id, "duet-1a2b3");
  EXPECT_EQ(account->client_email, "push@duet-1a2b3.iam.gserviceaccount.com");
  EXPECT_EQ(account->private_key_id, "0123abcd");
  EXPECT_EQ(account->private_key.key_id(), push_rsa_key().key_id());
  EXPECT_EQ(account->token_uri, kAccountTokenUri);
}

TEST(ServiceAccountFile, IsRefusedWithoutItsKeyInTheError) {
  const auto refuses = [](const std::string& text) {
    const auto account = parse_service_account(text);
    ASSERT_FALSE(account) << text;
    EXPECT_EQ(account.error().find(push_rsa_key().to_pem().substr(40, 20)), std::string::npos)
        << account.error();
  };
  refuses("");
  refuses("[]");
  for (const char* name : {"type", "project_id", "private_key", "client_email", "token_uri"}) {
    auto without = account_file();
    without.erase(name);
    refuses(without.dump());
    auto other = account_file();
    other[name] = 5;
    refuses(other.dump());
  }
  const auto with = [](const char* name, const std::string& value) {
    auto file = account_file();
    file[name] = value;
    return file.dump();
  };
  refuses(with("type", "authorized_user"));
  refuses(with("project_id", "a/../b"));
  refuses(with("project_id", ""));
  refuses(with("token_uri", "http://oauth2.googleapis.com/token"));
  refuses(with("private_key", "nonsense"));
  refuses(with("private_key", push_rsa_key().to_pem().substr(0, 100)));
  refuses(with("private_key", push_ec_key().to_pem()));
}

}  // namespace
}  // namespace duet
