// The shim bites: what was not synced can be lost, what was synced never is.

#include <gmock/gmock.h>

#include <fstream>

#include "tests/fault/power_cut.h"
#include "tests/support/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What a program that ran under the shim leaves after a power cut.
class PowerShimTest : public ::testing::Test {
 protected:
  // The program runs in so many directories, and each is cut in its own way.
  static constexpr int kDirectories = 20;

  PowerShimTest() {
    for (int i = 0; i < kDirectories; ++i) {
      live_.push_back(dir_.path() / "watched" / std::to_string(i));
      fs::create_directories(live_.back());
    }
  }

  // Runs a Python program under the shim, with each of the directories as `d`.
  void run(const std::string& program) const {
    const auto watched = (dir_.path() / "watched").string();
    const auto shim = build_dir() / "lib" / "libduet_power_shim.so";
    const auto done = run_command({"env", "LD_PRELOAD=" + shim.string(), "DUET_POWER_DIR=" + watched,
                                   "DUET_POWER_SHADOW=" + shadow().string(), "python3", "-c",
                                   "import os\nfor i in range(" + std::to_string(kDirectories) +
                                       "):\n d = '" + watched + "/' + str(i) + '/'\n " + program});
    ASSERT_EQ(done.status, 0) << done.err;
  }
  // The texts of the file `name` (or "none") in all directories, after the program and a power cut.
  std::vector<std::string> left_of(const std::string& name, const std::string& program) const {
    run(program);
    std::mt19937_64 random(1);
    cut_power(live_, shadow(), random);
    std::vector<std::string> left;
    for (const fs::path& directory : live_) {
      left.push_back(fs::exists(directory / name) ? text_of(directory / name) : "none");
    }
    return left;
  }
  std::vector<std::string> unsynced() const { return unsynced_files(live_, shadow()); }

 private:
  fs::path shadow() const { return dir_.path() / "shadow"; }

  TempDir dir_;
  std::vector<fs::path> live_;
};

constexpr const char* kSyncedFile =
    "f = os.open(d + 'f', os.O_CREAT | os.O_RDWR); os.write(f, b'old'); os.fsync(f); "
    "r = os.open(d, os.O_RDONLY); os.fsync(r); ";

std::string then(const char* more) {
  return std::string(kSyncedFile) + more;
}

TEST_F(PowerShimTest, WhatWasSyncedIsKept) {
  EXPECT_THAT(left_of("f", kSyncedFile), Each("old"));
}

TEST_F(PowerShimTest, AWriteAfterTheSyncMayBeLost) {
  const auto left = left_of("f", then("os.pwrite(f, b'new', 0)"));
  EXPECT_THAT(left, Contains("old"));
  EXPECT_THAT(left, Contains("new"));
}

TEST_F(PowerShimTest, TheSecondSyncCoversWhatWasWrittenSinceTheFirst) {
  const auto left = left_of("f", then("os.pwrite(f, b'!', 5000); os.pwrite(f, b'new', 0); os.fdatasync(f); "
                                      "os.ftruncate(f, 3); os.fsync(f)"));
  EXPECT_THAT(left, Each("new"));
}

TEST_F(PowerShimTest, ATailIsTornAnywhere) {
  const auto left = left_of("f", then("os.pwrite(f, b'x' * 5000, 3)"));
  EXPECT_THAT(left, Each(StartsWith("old")));
  EXPECT_THAT(left, Contains(SizeIs(AllOf(Gt(3), Lt(5003)))));
}

TEST_F(PowerShimTest, AFileWhoseDirectoryWasNotSyncedMayBeGone) {
  const auto left =
      left_of("f", "f = os.open(d + 'f', os.O_CREAT | os.O_RDWR); os.write(f, b'text'); os.fsync(f)");
  EXPECT_THAT(left, Contains("none"));
  EXPECT_THAT(left, Contains("text"));
}

TEST_F(PowerShimTest, ARemovalMayBeTakenBack) {
  const auto left = left_of("f", then("os.unlink(d + 'f')"));
  EXPECT_THAT(left, Contains("none"));
  EXPECT_THAT(left, Contains("old"));
}

TEST_F(PowerShimTest, ARenamingMayBeTakenBack) {
  const auto left = left_of("g", then("os.rename(d + 'f', d + 'g')"));
  EXPECT_THAT(left, Contains("none"));
  EXPECT_THAT(left, Contains("old"));
}

TEST_F(PowerShimTest, ARenamingThatWasSyncedIsKept) {
  EXPECT_THAT(left_of("g", then("os.rename(d + 'f', d + 'g'); os.fsync(r)")), Each("old"));
}

constexpr const char* kSyncedInside =
    "os.mkdir(d + 'sub'); f = os.open(d + 'sub/f', os.O_CREAT | os.O_RDWR); os.write(f, b'text'); "
    "os.fsync(f); r = os.open(d + 'sub', os.O_RDONLY); os.fsync(r); ";

TEST_F(PowerShimTest, ADirectoryThatWasNotSyncedMayBeGoneWithAllInIt) {
  const auto left = left_of("sub/f", kSyncedInside);
  EXPECT_THAT(left, Contains("none"));
  EXPECT_THAT(left, Contains("text"));
}

TEST_F(PowerShimTest, ADirectoryThatWasSyncedIsKept) {
  EXPECT_THAT(left_of("sub/f", std::string(kSyncedInside) + "r = os.open(d, os.O_RDONLY); os.fsync(r)"),
              Each("text"));
}

TEST_F(PowerShimTest, WhatAKilledProcessWroteIsMadeDurableByTheNextOnesSync) {
  run(then("os.pwrite(f, b'before', 0)"));
  EXPECT_THAT(unsynced(), Each("f"));
  EXPECT_THAT(unsynced(), SizeIs(kDirectories));
  run("f = os.open(d + 'f', os.O_RDWR); os.pwrite(f, b'+', 6); os.fsync(f)");
  EXPECT_THAT(unsynced(), IsEmpty());
}

}  // namespace
}  // namespace duet
