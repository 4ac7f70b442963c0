// A password that is typed on another system: one form for all of them (RFC 8265 OpaqueString).
#include <gmock/gmock.h>

#include <string>

#include "auth_service/opaque_string.h"
#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

constexpr auto kComposed = "\u00fcber-p\u00e4ssw\u00f6rter";       // Windows, Linux, Android
constexpr auto kDecomposed = "u\u0308ber-pa\u0308sswo\u0308rter";  // macOS, in some ways of typing

TEST(OpaqueString, HasOneFormForWhatLooksAlike) {
  EXPECT_EQ(opaque_string(kDecomposed), kComposed);
  EXPECT_EQ(opaque_string(kComposed), kComposed);
  EXPECT_EQ(opaque_string("\u212bngstr\u00f6m"), "\u00c5ngstr\u00f6m");       // a singleton
  EXPECT_EQ(opaque_string("a\u0301\u0323"), opaque_string("a\u0323\u0301"));  // the order of marks
  EXPECT_EQ(opaque_string("\u1112\u1161\u11ab"), "\ud55c");                   // Hangul
}

TEST(OpaqueString, MapsEverySpaceToAsciis) {
  for (const char* space :
       {" ", "\u00a0", "\u1680", "\u2000", "\u2003", "\u200a", "\u202f", "\u205f", "\u3000"}) {
    EXPECT_EQ(opaque_string(std::string("correct") + space + "horse"), "correct horse");
  }
  EXPECT_EQ(opaque_string("   "), "   ");
}

TEST(OpaqueString, LeavesCaseWidthAndCompatibilityFormsAlone) {
  for (const char* text : {"Correct Horse", "\uff21\uff22\uff23", "\ufb01sh", "x\u00b2", "\u0130stanbul",
                           "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f", "\U000e0fff"}) {
    EXPECT_EQ(opaque_string(text), text);
  }
}

TEST(OpaqueString, RefusesControlCharactersAndWhatIsNoText) {
  for (const auto& text :
       {std::string(), std::string("tab\there"), std::string("line\n"), std::string("nul\0l", 5),
        std::string("del\x7f"), std::string("next\u0085line"), std::string("latin1 \xe4"),
        std::string("surrogate \xed\xa0\x80"), std::string("overlong \xc0\xaf"), std::string("cut \xe2\x82"),
        std::string(kMaxOpaqueInput + 1, 'p')}) {
    EXPECT_EQ(opaque_string(text), std::nullopt) << testing::PrintToString(text);
  }
  EXPECT_TRUE(opaque_string(std::string(kMaxOpaqueInput, 'p')));
}

TEST(PasswordText, CountsTheBytesOfItsOneForm) {
  EXPECT_FALSE(Password::parse("a\u0308o\u0308u\u0308"));  // 9 bytes as it came, 6 as it counts
  EXPECT_TRUE(Password::parse("a\u0308o\u0308u\u0308e\u0308"));
  std::string longest;
  for (int i = 0; i < 512; ++i) longest += "a\u0308";  // 1,536 bytes as it came, 1,024 as it counts
  EXPECT_TRUE(Password::parse(longest));
  EXPECT_FALSE(Password::parse(longest + "p"));
}

class SamePassword : public ServiceTest {
 protected:
  // An account as it was made before passwords had one form.
  void add_old_account(const char* user, std::string_view typed) {
    PasswordHasher hasher(config_.argon2, {});
    database().add_account(*UserId::parse(user), *hasher.hash(*Password::as_typed(typed)));
  }
};

TEST_F(SamePassword, LogsInFromEverySystem) {
  const auto client = start();
  EXPECT_EQ(client.sign_up("alice", kComposed).status, 201);
  EXPECT_EQ(client.sign_up("bob", kDecomposed).status, 201);
  EXPECT_EQ(client.sign_up("carol", "correct\u00a0horse").status, 201);
  for (const char* typed : {kComposed, kDecomposed}) {
    for (const char* user : {"alice", "bob"}) EXPECT_EQ(client.log_in(user, typed).status, 200) << user;
  }
  EXPECT_EQ(client.log_in("carol", "correct horse").status, 200);
  EXPECT_EQ(client.log_in("carol", "Correct horse").status, 400);
}

TEST_F(SamePassword, ChangesAndRemovesFromEverySystem) {
  const auto client = start();
  client.sign_up("alice", kComposed);
  const auto access = client.log_in("alice", kComposed).text("access_token");
  const auto changed =
      client.json("PUT", "/v1/accounts/me/password",
                  {{"old_password", kDecomposed}, {"new_password", "neues pa\u0308sswort"}}, access);
  EXPECT_EQ(changed.status, 204) << changed.body;
  const auto login = client.log_in("alice", "neues p\u00e4sswort");
  ASSERT_EQ(login.status, 200);
  EXPECT_EQ(client
                .json("DELETE", "/v1/accounts/me", {{"password", "neues\u00a0pa\u0308sswort"}},
                      login.text("access_token"))
                .status,
            204);
}

TEST_F(SamePassword, SaysWhatCannotBeOne) {
  const auto client = start();
  const auto answer = client.sign_up("alice", "a tab\tin it");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.text("type"), "urn:duet:problem:password_unusable");
  EXPECT_EQ(answer.text("title"), "A password has 8 to 1024 bytes of UTF-8 and no control characters");
  EXPECT_EQ(client.sign_up("alice", "a\u0308o\u0308u\u0308").status, 422);
}

TEST_F(SamePassword, OldHashesKeepWorkingAndBecomeTheOneForm) {
  const auto client = start();
  add_old_account("alice", kDecomposed);
  EXPECT_EQ(client.log_in("alice", kComposed).status, 400);  // nobody can tell from the hash
  EXPECT_EQ(client.log_in("alice", kDecomposed).status, 200);
  EXPECT_EQ(client.log_in("alice", kComposed).status, 200);
  EXPECT_EQ(client.log_in("alice", kDecomposed).status, 200);
}

TEST_F(SamePassword, OldPasswordsThatCouldNotBeChosenTodayKeepWorking) {
  const auto client = start();
  add_old_account("alice", "a tab\tin it");
  add_old_account("bob", "a\u0308o\u0308u\u0308");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.log_in("alice", "a tab\tin it").status, 200);
    EXPECT_EQ(client.log_in("bob", "a\u0308o\u0308u\u0308").status, 200);
  }
}

TEST_F(SamePassword, ALoginIsOneAttemptAndTellsNothingOfTheAccount) {
  config_.limits.account = {1.0 / 60, 3};
  const auto client = start();
  client.sign_up("alice", kPassword);
  for (const char* user : {"alice", "nobody"}) {
    const auto before = computations();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.log_in(user, kDecomposed).status, 400);
    EXPECT_EQ(computations() - before, 6U) << user;
    EXPECT_EQ(client.log_in(user, kDecomposed).status, 429);
  }
}

}  // namespace
}  // namespace duet
