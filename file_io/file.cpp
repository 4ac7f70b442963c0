#include "file_io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace duet {
namespace {

constexpr mode_t kFileMode = 0600;

std::error_code last_error() {
  return {errno, std::generic_category()};
}

[[noreturn]] void fail(const std::string& action, const std::filesystem::path& path) {
  throw std::system_error(last_error(), action + " " + path.string());
}

int flags_of(File::Mode mode) {
  switch (mode) {
    case File::Mode::read:
      return O_RDONLY;
    case File::Mode::update:
      return O_RDWR;
    case File::Mode::create:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

int open_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("cannot open", directory);
  return descriptor;
}

}  // namespace

File::File(std::filesystem::path path, Mode mode)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), flags_of(mode) | O_CLOEXEC, kFileMode)) {
  if (descriptor_ < 0) fail(mode == Mode::create ? "cannot create" : "cannot open", path_);
}

File::~File() {
  // Nothing is buffered here, so there is nothing that close could fail to write.
  ::close(descriptor_);
}

std::size_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail("cannot look at", path_);
  return static_cast<std::size_t>(status.st_size);
}

void File::read_at(std::size_t offset, std::size_t bytes, std::string& out) const {
  out.resize(bytes);
  std::size_t done = 0;
  while (done < bytes) {
    const auto got = ::pread(descriptor_, out.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
}

std::error_code File::write_at(std::size_t offset, std::string_view bytes) noexcept {
  ssize_t written = 0;
  do {
    written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  } while (written < 0 && errno == EINTR);
  if (written < 0) return last_error();
  if (static_cast<std::size_t>(written) < bytes.size())
    return std::make_error_code(std::errc::no_space_on_device);
  return {};
}

std::error_code File::truncate(std::size_t size) noexcept {
  return ::ftruncate(descriptor_, static_cast<off_t>(size)) == 0 ? std::error_code() : last_error();
}

std::error_code File::sync_data() const noexcept {
  return ::fdatasync(descriptor_) == 0 ? std::error_code() : last_error();
}

void sync_directory(const std::filesystem::path& directory) {
  const int descriptor = open_directory(directory);
  const int synced = ::fsync(descriptor);
  const auto error = last_error();
  ::close(descriptor);
  if (synced != 0) throw std::system_error(error, "cannot sync " + directory.string());
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  const auto temporary = path.string() + ".new";
  {
    File file(temporary, File::Mode::create);
    auto error = file.write_at(0, content);
    if (!error) error = file.sync_data();
    if (error) {
      std::error_code ignored;  // the next attempt replaces what cannot be removed
      std::filesystem::remove(temporary, ignored);
      throw std::system_error(error, "cannot write " + temporary);
    }
  }
  std::filesystem::rename(temporary, path);
  sync_directory(path.parent_path());
}

std::string read_file(const std::filesystem::path& path) {
  const File file(path, File::Mode::read);
  std::string content;
  file.read_at(0, file.size(), content);
  return content;
}

}  // namespace duet
