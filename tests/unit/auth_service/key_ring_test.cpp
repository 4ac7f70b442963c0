#include "auth_service/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "auth_service/key_file.h"
#include "file_io/file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Timestamp kFirstMade{1'800'000'000s};

class KeyRingTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(rules().jwks_file.parent_path()); }
  std::string rotate(Timestamp now) {
    return rotate_key(directory_.path(), SignatureAlgorithm::eddsa, now).key_id();
  }
  KeyRules rules() const {
    return {directory_.path(), 300s, 1000s, false, directory_.path() / "set" / "jwks.json"};
  }
  KeyRing ring(Timestamp now) const { return {rules(), {"duet", "duet"}, now}; }
  std::string signer(Timestamp now) const { return ring(now).keys()->signer.key_id(); }
  std::vector<std::string> published(Timestamp now) const {
    std::vector<std::string> ids;
    const auto set = nlohmann::json::parse(ring(now).keys()->jwk_set);
    for (const auto& key : set.at("keys")) ids.push_back(key.at("kid"));
    return ids;
  }

  TemporaryDirectory directory_;
};

TEST_F(KeyRingTest, WritesItsSetWhenItChanges) {
  const auto file = rules().jwks_file;
  rotate(kFirstMade);
  KeyRing keys = ring(kFirstMade);
  EXPECT_EQ(read_file(file), keys.keys()->jwk_set);
  const auto written = std::filesystem::last_write_time(file);
  keys.reload(kFirstMade + 1s);
  EXPECT_EQ(std::filesystem::last_write_time(file), written);
  rotate(kFirstMade + 2s);
  keys.reload(kFirstMade + 2s);
  EXPECT_EQ(read_file(file), keys.keys()->jwk_set);
  std::filesystem::remove(file);
  keys.reload(kFirstMade + 3s);
  EXPECT_EQ(read_file(file), keys.keys()->jwk_set);
}

TEST_F(KeyRingTest, MakesTheFirstKeyWhereItShall) {
  EXPECT_THROW(ring(kFirstMade), std::runtime_error);
  KeyRules making = rules();
  making.make_first = true;
  const auto made = KeyRing(making, {"duet", "duet"}, kFirstMade).keys()->signer.key_id();
  EXPECT_EQ(KeyRing(making, {"duet", "duet"}, kFirstMade + 1h).keys()->signer.key_id(), made);
}

TEST_F(KeyRingTest, TheOnlyKeySignsAtOnce) {
  const auto key = rotate(kFirstMade);
  EXPECT_EQ(signer(kFirstMade), key);
  EXPECT_THAT(published(kFirstMade), ElementsAre(key));
}

TEST_F(KeyRingTest, ANewKeyIsPublishedBeforeItSignsAndAnOldOneUntilItsTokensHaveRunOut) {
  const auto first = rotate(kFirstMade);
  const auto second = rotate(kFirstMade + 1h);
  const auto signs = kFirstMade + 1h + 300s;
  EXPECT_EQ(signer(signs - 1ms), first);
  EXPECT_THAT(published(kFirstMade + 1h), ElementsAre(first, second));
  EXPECT_EQ(signer(signs), second);
  EXPECT_THAT(published(signs + 1000s - 1ms), ElementsAre(first, second));
  EXPECT_THAT(published(signs + 1000s), ElementsAre(second));
}

TEST_F(KeyRingTest, KeysMadeInTheSameSecondHaveAnOrder) {
  const auto first = rotate(kFirstMade);
  const auto second = rotate(kFirstMade);
  EXPECT_THAT(published(kFirstMade), ElementsAre(first, second));
  EXPECT_EQ(signer(kFirstMade + 301s), second);
}

TEST_F(KeyRingTest, WhatOldAndNewKeysSignedIsVerified) {
  rotate(kFirstMade);
  auto keys = ring(kFirstMade);
  const TokenSpec spec{"duet", "duet", Role::chat, "alice", std::nullopt, kFirstMade, kFirstMade + 900s};
  const auto old = keys.keys()->signer.sign(spec);
  rotate(kFirstMade);
  keys.reload(kFirstMade + 301s);
  const auto fresh = keys.keys()->signer.sign(spec);
  for (const auto& token : {old, fresh}) EXPECT_TRUE(keys.keys()->verifier.verify(token, kFirstMade + 302s));
}

TEST_F(KeyRingTest, NeedsAKey) {
  std::ofstream(directory_.path() / "readme.txt") << "not a key";
  std::ofstream(directory_.path() / "signing.pem") << "not of ours";
  try {
    ring(kFirstMade);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("rotate"));
  }
}

TEST_F(KeyRingTest, ADamagedKeyLeavesTheRingAsItWas) {
  const auto first = rotate(kFirstMade);
  auto keys = ring(kFirstMade);
  create_key_file(directory_.path() / "1800000009.pem", SignatureAlgorithm::es256);
  std::ofstream(directory_.path() / "1800000009.pem") << "damaged";
  EXPECT_THROW(keys.reload(kFirstMade + 10s), std::runtime_error);
  EXPECT_EQ(keys.keys()->signer.key_id(), first);
}

}  // namespace
}  // namespace duet
