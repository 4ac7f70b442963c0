#include "service/ready_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "file_io/secret_file.h"
#include "tests/support/patience.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

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

TEST_F(Ready, IsWrittenAsSoonAsThatIsPossible) {
  const auto file = directory_.path() / "later" / "store.ready";
  ReadyFile ready(file);
  ready.open(1);
  EXPECT_FALSE(std::filesystem::exists(file));
  std::filesystem::create_directory(file.parent_path());
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
}

TEST_F(Ready, IsNotWrittenForASessionThatEndedBeforeThatWasPossible) {
  const auto directory = directory_.path() / "later";
  ReadyFile ended(directory / "ended");
  ended.open(1);
  ended.close(1);
  ReadyFile open(directory / "open");
  open.open(1);
  std::filesystem::create_directory(directory);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(directory / "open"); }));
  EXPECT_FALSE(std::filesystem::exists(directory / "ended"));
}

}  // namespace
}  // namespace duet
