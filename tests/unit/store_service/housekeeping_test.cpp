#include "store_service/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "file_io/secret_file.h"
#include "store_service/ready_file.h"
#include "tests/unit/store_service/fixtures.h"

namespace duet {
namespace {

class TokenFile : public testing::Test {
 protected:
  void replace(std::string_view token) { write_file_atomically(file_, token, kSecretMode); }
  std::size_t told() const { return publisher_.sent("svc/store/token").size(); }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "store.token";
  RecordingPublisher publisher_;
};

TEST_F(TokenFile, IsToldWhenItIsReplacedAndOnlyThen) {
  replace("first\n");
  TokenRotation rotation(file_);
  rotation.check(publisher_);
  EXPECT_EQ(told(), 0U);

  replace("second\n");
  rotation.check(publisher_);
  rotation.check(publisher_);

  ASSERT_EQ(told(), 1U);
  EXPECT_EQ(publisher_.sent("svc/store/token")[0].payload, "second");
}

TEST_F(TokenFile, IsToldAgainUntilThereIsAConnection) {
  replace("first");
  TokenRotation rotation(file_);
  replace("second");
  publisher_.answer_with(PublishResult::not_connected);
  rotation.check(publisher_);

  publisher_.answer_with(PublishResult::accepted);
  rotation.check(publisher_);

  EXPECT_EQ(told(), 1U);
}

TEST_F(TokenFile, MayBeMissingForAWhile) {
  TokenRotation rotation(file_);
  rotation.check(publisher_);
  EXPECT_EQ(told(), 0U);

  replace("first");
  rotation.check(publisher_);
  EXPECT_EQ(told(), 1U);
}

class Ready : public testing::Test {
 protected:
  bool there() const { return std::filesystem::exists(file_); }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "store.ready";
};

TEST_F(Ready, IsThereWhileASessionIsOpen) {
  write_file_atomically(file_, "of a process that was killed", 0644);
  {
    ReadyFile ready(file_);
    EXPECT_FALSE(there());
    ready.open(1);
    EXPECT_TRUE(there());
    ready.close(1);
    EXPECT_FALSE(there());
    ready.open(2);
    EXPECT_TRUE(there());
  }
  EXPECT_FALSE(there());
}

TEST_F(Ready, IsNotOpenedForASessionThatHasEndedMeanwhile) {
  ReadyFile ready(file_);
  ready.close(1);
  ready.open(1);
  EXPECT_FALSE(there());
}

TEST_F(Ready, IsOptional) {
  ReadyFile ready("");
  ready.open(1);
  ready.close(1);
}

}  // namespace
}  // namespace duet
