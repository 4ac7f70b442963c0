#include "file_io/file.h"

#include <gtest/gtest.h>

#include "tests/unit/file_size_limit.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

TEST(WriteFileAtomically, LeavesNothingBehindOnAFullDisk) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "boot";
  write_file_atomically(file, "old");
  {
    const FileSizeLimit full(4);
    EXPECT_THROW(write_file_atomically(file, "longer than that"), std::system_error);
  }
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

}  // namespace
}  // namespace duet
