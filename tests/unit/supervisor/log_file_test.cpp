#include "supervisor/log_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/file_size_limit.h"
#include "tests/unit/supervisor/text_file.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

class LogFileTest : public testing::Test {
 protected:
  void write(int fd, const std::string& text) {
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "store.log";
  LogFile log_{path_};
};

TEST_F(LogFileTest, LastWordsAreThePresentProcesss) {
  write_text(path_, "error: of the process before\n");
  const int fd = log_.open_for_process();
  EXPECT_EQ(log_.last_words(), "");
  write(fd, "one\ntwo\n \n");
  EXPECT_EQ(log_.last_words(), "two");
  ::close(fd);
}

TEST_F(LogFileTest, AnErrorSaysMoreThanWhatFollowsIt) {
  const int fd = log_.open_for_process();
  write(fd, "starting\nError: the journal is damaged\nbye\n");
  EXPECT_EQ(log_.last_words(), "Error: the journal is damaged");
  ::close(fd);
}

TEST_F(LogFileTest, ThePluginSaysMoreThanTheBrokerThatLoadedIt) {
  const int fd = log_.open_for_process();
  write(fd,
        "2026-11-24T08:34:20: Loading plugin: x.so\n2026-11-24T08:34:20: duet: journal/0/node is damaged\n"
        "2026-11-24T08:34:20: Error: Plugin returned 13 when initialising.\n");
  EXPECT_EQ(log_.last_words(), "duet: journal/0/node is damaged");
  ::close(fd);
}

TEST_F(LogFileTest, TrimKeepsOneOlderFileAndTheWriterGoesOn) {
  const int fd = log_.open_for_process();
  write(fd, "0123456789\n");
  log_.trim(11);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".1")) << "not over the limit yet";

  log_.trim(10);
  EXPECT_EQ(read_text(path_.string() + ".1"), "0123456789\n");
  EXPECT_EQ(read_text(path_), "");

  write(fd, "next\n");
  EXPECT_EQ(read_text(path_), "next\n");
  EXPECT_EQ(log_.last_words(), "next");
  ::close(fd);
}

TEST_F(LogFileTest, ARenamedFileGetsItsNameBackAndTheOtherKeepsTheContent) {
  const int fd = log_.open_for_process();
  write(fd, "before\n");
  const auto moved = path_.string() + ".moved";
  std::filesystem::rename(path_, moved);
  write(fd, "after\n");
  log_.restore();
  EXPECT_EQ(read_text(moved), "before\nafter\n");
  write(fd, "next\n");
  EXPECT_EQ(read_text(path_), "next\n");
  EXPECT_EQ(read_text(moved), "before\nafter\n");
  EXPECT_EQ(log_.last_words(), "next");
  ::close(fd);
}

// As logrotate's `create` does.
TEST_F(LogFileTest, ARenamedFileGetsItsNameBackFromANewOne) {
  const int fd = log_.open_for_process();
  write(fd, "before\n");
  std::filesystem::rename(path_, path_.string() + ".1");
  write_text(path_, "");
  log_.restore();
  write(fd, "next\n");
  EXPECT_EQ(read_text(path_), "next\n");
  EXPECT_EQ(read_text(path_.string() + ".1"), "before\n");
  ::close(fd);
}

// As logrotate's `compress` leaves it, when it is quicker than we are.
TEST_F(LogFileTest, ARemovedFileComesBackWithItsContent) {
  const int fd = log_.open_for_process();
  write(fd, "before\n");
  std::filesystem::remove(path_);
  write(fd, "after\n");
  log_.restore();
  write(fd, "next\n");
  EXPECT_EQ(read_text(path_), "before\nafter\nnext\n");
  ::close(fd);
}

TEST_F(LogFileTest, AFileInItsPlaceIsLeftAlone) {
  const int fd = log_.open_for_process();
  write(fd, "one\n");
  log_.restore();
  EXPECT_EQ(read_text(path_), "one\n");
  ::close(fd);
}

TEST_F(LogFileTest, OpensPrivately) {
  ::close(log_.open_for_process());
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LogFileTest, WithoutRoomForTheCopyTheLogIsEmptiedAtTwiceItsBound) {
  const int fd = log_.open_for_process();
  write(fd, "0123456789\n");
  write_text(path_.string() + ".1", "older\n");
  const FileSizeLimit full(8);
  log_.trim(10);
  EXPECT_EQ(read_text(path_), "0123456789\n") << "there may be room soon";
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".1")) << "half a copy is none";
  log_.trim(5);
  EXPECT_EQ(read_text(path_), "");
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".1"));
  ::close(fd);
}

}  // namespace
}  // namespace duet
