#include "auth_service/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "file_io/secret_file.h"

namespace duet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "duet-key-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path file() const { return directory_ / "key.pem"; }
  std::string load_error() const {
    try {
      load_key_file(file());
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  fs::path directory_;
};

TEST_F(KeyFile, IsCreatedPrivateAndLoaded) {
  const auto key = create_key_file(file(), SignatureAlgorithm::eddsa);
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(load_key_file(file()).key_id(), key.key_id());
}

TEST_F(KeyFile, IsNeverOverwritten) {
  const auto key = create_key_file(file(), SignatureAlgorithm::es256);
  EXPECT_THROW(create_key_file(file(), SignatureAlgorithm::es256), std::exception);
  EXPECT_EQ(load_key_file(file()).key_id(), key.key_id());
}

TEST_F(KeyFile, IsRefusedWhenOthersMayReadIt) {
  create_key_file(file(), SignatureAlgorithm::es256);
  ASSERT_EQ(::chmod(file().c_str(), 0640), 0);
  EXPECT_THAT(load_error(), HasSubstr("open to other users"));
}

TEST_F(KeyFile, SaysWhatIsWrongAndNotWhatIsInside) {
  EXPECT_THAT(load_error(), HasSubstr("No such file"));
  write_file_atomically(file(), "hunter2", kSecretMode);
  EXPECT_THAT(load_error(), testing::AllOf(HasSubstr(file().string()), HasSubstr("PKCS #8"),
                                           testing::Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace duet
