#include "mqtt_link/token_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "file_io/secret_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class TokenFile : public testing::Test {
 protected:
  void replace(std::string_view token) { write_file_atomically(file_, token, kSecretMode); }
  void check(TokenRotation& rotation) {
    rotation.check([this](const Link::Publish& message) {
      if (answer_ == PublishResult::accepted) told_.push_back(message.topic + " " + message.payload);
      return answer_;
    });
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "store.token";
  PublishResult answer_ = PublishResult::accepted;
  std::vector<std::string> told_;
};

TEST_F(TokenFile, IsToldWhenItIsReplacedAndOnlyThen) {
  replace("first\n");
  TokenRotation rotation("store", file_);
  check(rotation);
  EXPECT_THAT(told_, IsEmpty());

  replace("second\n");
  check(rotation);
  check(rotation);

  EXPECT_THAT(told_, ElementsAre("svc/store/token second"));
}

TEST_F(TokenFile, IsToldAgainUntilThereIsAConnection) {
  replace("first");
  TokenRotation rotation("store", file_);
  replace("second");
  answer_ = PublishResult::not_connected;
  check(rotation);

  answer_ = PublishResult::accepted;
  check(rotation);

  EXPECT_THAT(told_, SizeIs(1));
}

TEST_F(TokenFile, MayBeMissingForAWhile) {
  TokenRotation rotation("store", file_);
  check(rotation);
  EXPECT_THAT(told_, IsEmpty());

  replace("first");
  check(rotation);
  EXPECT_THAT(told_, SizeIs(1));
}

}  // namespace
}  // namespace duet
