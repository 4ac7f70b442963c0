// tests/support/small_disk.h: a disk that a test may fill.
#pragma once

#include <cstddef>
#include <filesystem>

namespace duet {

// A tmpfs over a directory, which keeps its content and owners. Only this process and the children that it
// starts from then on see it. Used by the thread that made it; threads made before it do not see it.
class SmallDisk {
 public:
  // Throws std::system_error when it may not mount (it takes CAP_SYS_ADMIN).
  SmallDisk(std::filesystem::path directory, std::size_t bytes);
  ~SmallDisk();  // what is on it is gone
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // A file takes all the room but `left` bytes (whole pages).
  void fill(std::size_t left = 0) const;
  // Removes that file.
  void make_room() const;
  std::size_t free_bytes() const;

 private:
  std::filesystem::path filler() const { return directory_ / "filler"; }

  std::filesystem::path directory_;
};

}  // namespace duet
