#include "broker_plugin/key_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "acl/signing_key.h"
#include "file_io/file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Timestamp kNow{std::chrono::hours(24 * 365 * 50)};

class KeyFilesTest : public testing::Test {
 protected:
  KeyFilesTest() {
    options_.jwks_file = path("jwks.json");
    options_.issuers_files = {path("issuers.json")};
    write("jwks.json", own_.jwk_set());
    write("issuers.json", R"({"issuers": [{"issuer": "other", "audience": "duet", "jwks_file": ")" +
                              path("other.json").string() + R"("}]})");
    write("other.json", other_.jwk_set());
  }

  std::filesystem::path path(const std::string& name) const { return directory_.path() / name; }
  void write(const std::string& name, const std::string& text) const {
    write_file_atomically(path(name), text);
  }

  static bool accepts(const TokenVerifier& verifier, const SigningKey& key, const std::string& issuer) {
    const auto token = key.sign({.issuer = issuer,
                                 .audience = "duet",
                                 .role = Role::chat,
                                 .subject = "alice",
                                 .device = std::nullopt,
                                 .issued_at = kNow,
                                 .expires_at = kNow + std::chrono::minutes(15)});
    return verifier.verify(token, kNow).has_value();
  }

  // One more second has passed.
  bool changed() { return files_->changed(now_ += std::chrono::seconds(1)); }

  TemporaryDirectory directory_;
  const SigningKey own_ = SigningKey::generate(SignatureAlgorithm::es256);
  const SigningKey other_ = SigningKey::generate(SignatureAlgorithm::es256);
  const SigningKey next_ = SigningKey::generate(SignatureAlgorithm::es256);
  Options options_;
  std::optional<KeyFiles> files_;
  KeyFiles::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(KeyFilesTest, ReadsOwnAndOtherKeys) {
  files_.emplace(options_);
  const auto verifier = files_->read();
  EXPECT_TRUE(accepts(verifier, own_, "duet"));
  EXPECT_TRUE(accepts(verifier, other_, "other"));
  EXPECT_FALSE(accepts(verifier, other_, "duet"));
  EXPECT_THAT(files_->problems(), IsEmpty());
  EXPECT_FALSE(changed());
}

TEST_F(KeyFilesTest, SeesThatAFileWasReplaced) {
  files_.emplace(options_);
  files_->read();
  for (const char* name : {"jwks.json", "issuers.json", "other.json"}) {
    EXPECT_FALSE(changed());
    write(name, read_file(path(name)));
    EXPECT_TRUE(changed()) << name;
    files_->read();
  }
  write("other.json", next_.jwk_set());
  EXPECT_TRUE(changed());
  const auto verifier = files_->read();
  EXPECT_TRUE(accepts(verifier, next_, "other"));
  EXPECT_FALSE(accepts(verifier, other_, "other"));
}

TEST_F(KeyFilesTest, LooksOnceASecond) {
  files_.emplace(options_);
  files_->read();
  EXPECT_FALSE(changed());
  write("jwks.json", next_.jwk_set());
  EXPECT_FALSE(files_->changed(now_ + std::chrono::milliseconds(999)));
  EXPECT_TRUE(changed());
}

// A provider that cannot be reached at first must not keep everybody out.
TEST_F(KeyFilesTest, AnotherIssuersMissingKeysAreToldAndAwaited) {
  std::filesystem::remove(path("other.json"));
  files_.emplace(options_);
  const auto verifier = files_->read();
  EXPECT_THAT(files_->problems(), ElementsAre(HasSubstr("other.json")));
  EXPECT_TRUE(accepts(verifier, own_, "duet"));
  EXPECT_FALSE(accepts(verifier, other_, "other"));
  write("other.json", other_.jwk_set());
  EXPECT_TRUE(changed());
  EXPECT_TRUE(accepts(files_->read(), other_, "other"));
  EXPECT_THAT(files_->problems(), IsEmpty());
}

// Accounts are one list, the operator's providers another: a slip in one must not keep the other's new keys
// out.
TEST_F(KeyFilesTest, ABrokenListStaysAsItWasAndTheOthersGoOn) {
  const auto list_of = [&](const std::string& issuer, const std::string& file) {
    return R"({"issuers": [{"issuer": ")" + issuer + R"(", "audience": "duet", "jwks_file": ")" +
           path(file).string() + R"("}]})";
  };
  options_.issuers_files.push_back(path("second.json"));
  write("second.json", list_of("second", "keys.json"));
  write("keys.json", other_.jwk_set());
  files_.emplace(options_);
  files_->read();
  write("second.json", "nonsense");
  write("other.json", next_.jwk_set());
  const auto verifier = files_->read();
  EXPECT_THAT(files_->problems(), ElementsAre(HasSubstr("stays as it was: " + path("second.json").string())));
  EXPECT_TRUE(accepts(verifier, next_, "other"));
  EXPECT_TRUE(accepts(verifier, other_, "second"));
}

TEST_F(KeyFilesTest, FetchedKeysAreInTheirDirectory) {
  write("issuers.json",
        R"({"issuers": [{"issuer": "https://o", "audience": "duet", "jwks_url": "https://o/keys"}]})");
  files_.emplace(options_);
  EXPECT_FALSE(accepts(files_->read(), other_, "https://o"));
  EXPECT_THAT(files_->problems(), ElementsAre(HasSubstr("there is no issuer_keys_dir")));

  options_.issuer_keys_dir = path("fetched");
  std::filesystem::create_directory(options_.issuer_keys_dir);
  KeyFiles files(options_);
  files.read();
  EXPECT_THAT(files.problems(), ElementsAre(HasSubstr("tokens of https://o are refused")));
  write("fetched/" + fetched_keys_name("https://o"), other_.jwk_set());
  EXPECT_TRUE(files.changed(now_));
  EXPECT_TRUE(accepts(files.read(), other_, "https://o"));
}

TEST_F(KeyFilesTest, WhatIsUnusableIsAnError) {
  files_.emplace(options_);
  write("jwks.json", "nonsense");
  EXPECT_THROW(files_->read(), std::runtime_error);
  write("jwks.json", own_.jwk_set());
  EXPECT_TRUE(changed());
  files_->read();
  write("issuers.json", "nonsense");
  files_.emplace(options_);
  EXPECT_THROW(files_->read(), std::runtime_error);
}

TEST_F(KeyFilesTest, ReadsSeveralLists) {
  options_.issuers_files.push_back(path("more.json"));
  write("more.json", R"({"issuers": []})");
  files_.emplace(options_);
  EXPECT_TRUE(accepts(files_->read(), other_, "other"));
  write("more.json", R"({"issuers": [{"issuer": "third", "audience": "duet", "jwks_file": ")" +
                         path("third.json").string() + R"("}]})");
  write("third.json", next_.jwk_set());
  EXPECT_TRUE(changed());
  EXPECT_TRUE(accepts(files_->read(), next_, "third"));
  write("more.json", read_file(path("issuers.json")));
  files_->read();
  EXPECT_THAT(files_->problems(), ElementsAre(HasSubstr("named before")));
}

TEST_F(KeyFilesTest, NeedsNoOtherIssuers) {
  options_.issuers_files.clear();
  files_.emplace(options_);
  EXPECT_TRUE(accepts(files_->read(), own_, "duet"));
  EXPECT_FALSE(changed());
}

}  // namespace
}  // namespace duet
