// file_io/file.h: a file descriptor with an owner, and the few durable operations of the journal.
//
// Constructors and free functions throw std::system_error that names the path; what happens on the hot path
// returns an error code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace duet {

class File {
 public:
  enum class Mode : std::uint8_t { read, update, create };

  File(std::filesystem::path path, Mode mode);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::size_t size() const;
  // Replaces `out` by at most `bytes` bytes from `offset`; fewer only at the end of the file.
  void read_at(std::size_t offset, std::size_t bytes, std::string& out) const;

  // One write. A write that took less than all of `bytes` is an error (disk full); what it left behind is the
  // caller's to cut off.
  std::error_code write_at(std::size_t offset, std::string_view bytes) noexcept;
  std::error_code truncate(std::size_t size) noexcept;
  // Safe beside a write_at of another thread.
  std::error_code sync_data() const noexcept;

 private:
  std::filesystem::path path_;
  int descriptor_;
};

// Makes the names in `directory` durable.
void sync_directory(const std::filesystem::path& directory);
// Replaces the file as a whole, durably: a crash leaves the old content or the new.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);
std::string read_file(const std::filesystem::path& path);

}  // namespace duet
