#include "file_io/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace duet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SecretFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "duet-secret-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path file(const char* name = "file") const { return directory_ / name; }
  std::size_t file_count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

 private:
  fs::path directory_;
};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(SecretFile, IsReadAsWritten) {
  const std::string content("a\0b\n\xff", 5);
  write_file_atomically(file(), content, kSecretMode);
  EXPECT_EQ(read_secret_file(file()), content);
  EXPECT_EQ(mode_of(file()), 0600U);
}

TEST_F(SecretFile, ReadsALineWithoutItsEnd) {
  for (const char* content : {"token", "token\n", "token\r\n", "token \n\n"}) {
    write_file_atomically(file(), content, kSecretMode);
    EXPECT_EQ(read_secret_line(file()), "token");
  }
  write_file_atomically(file(), "\n", kSecretMode);
  EXPECT_EQ(read_secret_line(file()), "");
}

TEST_F(SecretFile, IsReplacedWhole) {
  write_file_atomically(file(), std::string(5000, 'x'), kSecretMode);
  write_file_atomically(file(), "new", 0640);
  EXPECT_EQ(mode_of(file()), 0640U);
  write_file_atomically(file(), "newer", kSecretMode);
  EXPECT_EQ(read_secret_file(file()), "newer");
  EXPECT_EQ(file_count(), 1U);  // nothing temporary is left
}

// The mode is the one that was asked for, not what the umask leaves of it.
TEST_F(SecretFile, HasItsModeWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  write_file_atomically(file(), "public", 0644);
  ::umask(0);
  write_file_atomically(file("secret"), "secret", kSecretMode);
  ::umask(before);
  EXPECT_EQ(mode_of(file()), 0644U);
  EXPECT_EQ(mode_of(file("secret")), 0600U);
}

TEST_F(SecretFile, IsRefusedWhenOthersMayTouchIt) {
  write_file_atomically(file(), "secret", kSecretMode);
  for (const mode_t mode : {0601U, 0602U, 0604U, 0610U, 0620U, 0640U, 0660U, 0644U, 0777U}) {
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    EXPECT_THAT(error_of([this] { read_secret_file(file()); }),
                testing::AllOf(HasSubstr(file().string()), HasSubstr("chmod 600")));
  }
  for (const mode_t mode : {0600U, 0400U, 0700U}) {
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    EXPECT_EQ(read_secret_file(file()), "secret");
  }
}

TEST_F(SecretFile, MayBeHandedOverByAGroup) {
  constexpr uid_t kUs = 100;
  constexpr uid_t kOther = 200;
  constexpr gid_t kOurs = 300;
  constexpr gid_t kOthers = 400;
  EXPECT_TRUE(is_private(0600, kUs, kOurs, kUs, kOurs));
  EXPECT_TRUE(is_private(0640, kOther, kOurs, kUs, kOurs));  // made by another, for us
  EXPECT_TRUE(is_private(0440, kOther, kOurs, kUs, kOurs));
  EXPECT_FALSE(is_private(0640, kUs, kOurs, kUs, kOurs));  // ours, and open
  EXPECT_FALSE(is_private(0640, kOther, kOthers, kUs, kOurs));
  for (const mode_t mode : {0641U, 0644U, 0650U, 0660U, 0670U, 0602U}) {
    EXPECT_FALSE(is_private(mode, kOther, kOurs, kUs, kOurs)) << mode;
  }
}

TEST_F(SecretFile, IsARegularFile) {
  EXPECT_THAT(error_of([this] { read_secret_file(file()); }), HasSubstr("No such file"));
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  EXPECT_THAT(error_of([this] { read_secret_file(file("fifo")); }), HasSubstr("not a regular file"));
  fs::create_directory(file("directory"));
  fs::permissions(file("directory"), fs::perms::owner_all);
  EXPECT_THAT(error_of([this] { read_secret_file(file("directory")); }), HasSubstr("not a regular file"));
}

TEST_F(SecretFile, HasABoundedSize) {
  write_file_atomically(file(), std::string(kMaxSecretBytes, 'x'), kSecretMode);
  EXPECT_EQ(read_secret_file(file()).size(), kMaxSecretBytes);
  write_file_atomically(file(), std::string(kMaxSecretBytes + 1, 'x'), kSecretMode);
  EXPECT_THAT(error_of([this] { read_secret_file(file()); }), HasSubstr("too large"));
}

TEST_F(SecretFile, IsCreatedOnce) {
  create_file_atomically(file(), "first", kSecretMode);
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_THAT(error_of([this] { create_file_atomically(file(), "second", kSecretMode); }),
              testing::AllOf(HasSubstr(file().string()), HasSubstr("exists")));
  EXPECT_EQ(read_secret_file(file()), "first");
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(SecretFile, NeedsItsDirectory) {
  const auto lost = file("nowhere") / "file";
  EXPECT_THAT(error_of([&] { write_file_atomically(lost, "x", kSecretMode); }), HasSubstr(lost.string()));
  EXPECT_THAT(error_of([&] { create_file_atomically(lost, "x", kSecretMode); }), HasSubstr(lost.string()));
}

// A failed replacement leaves the old file and nothing else.
TEST_F(SecretFile, SurvivesAFailedReplacement) {
  fs::create_directory(file("target"));
  EXPECT_THAT(error_of([this] { write_file_atomically(file("target"), "x", kSecretMode); }),
              HasSubstr("cannot replace"));
  EXPECT_TRUE(fs::is_directory(file("target")));
  EXPECT_EQ(file_count(), 1U);
}

}  // namespace
}  // namespace duet
