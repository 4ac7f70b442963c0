#include "service/disk_patience.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <system_error>

#include "file_io/store_error.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

class DiskPatienceTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  StopSignal stop_;
  DiskPatience patience_{stop_, directory_.path()};
};

TEST_F(DiskPatienceTest, TriesUntilThereIsRoom) {
  int attempts = 0;
  EXPECT_TRUE(patience_.attempt([&] {
    ++attempts;
    if (attempts == 1) throw StoreUnavailable("database x: cannot commit: database or disk is full");
    if (attempts == 2) throw std::system_error(ENOSPC, std::generic_category(), "cannot write y");
    if (attempts == 3) throw std::system_error(EDQUOT, std::generic_category(), "cannot write y");
  }));
  EXPECT_EQ(attempts, 4);
}

TEST_F(DiskPatienceTest, DoesNotWaitForWhatDoesNotPass) {
  EXPECT_THROW(patience_.attempt([] { throw StoreError("database x is damaged"); }), StoreError);
  EXPECT_THROW(patience_.attempt([] { throw std::system_error(EACCES, std::generic_category(), "y"); }),
               std::system_error);
}

TEST_F(DiskPatienceTest, EndsWhenItIsAskedToStop) {
  int attempts = 0;
  EXPECT_FALSE(patience_.attempt([&] {
    if (++attempts == 2) ::kill(::getpid(), SIGTERM);
    throw StoreUnavailable("database x: cannot commit: database or disk is full");
  }));
  EXPECT_EQ(attempts, 2);
}

TEST_F(DiskPatienceTest, AnInterruptionEndsOneWaitAndIsNoRequestToStop) {
  stop_.interrupt();
  EXPECT_EQ(stop_.wait(), StopSignal::Cause::interrupted);
  EXPECT_EQ(stop_.wait_for(std::chrono::milliseconds(1)), std::nullopt);
  stop_.interrupt();
  ::kill(::getpid(), SIGTERM);
  EXPECT_NE(stop_.wait(), stop_.wait()) << "both have come";
}

}  // namespace
}  // namespace duet
