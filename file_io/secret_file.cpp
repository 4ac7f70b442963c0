#include "file_io/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace duet {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& path) {
  throw std::system_error(errno, std::generic_category(),
                          std::string("cannot ") + what + ' ' + path.string());
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  // Closing may report a write that failed.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

void write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const auto written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A rename is durable once the directory is.
void sync_directory_of(const fs::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail("sync the directory", directory);
}

// A file beside `path`, removed again unless it has been moved over it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& path)
      : path_(path),
        name_(path.string() + ".XXXXXX"),
        fd_(::mkostemp(name_.data(), O_CLOEXEC)) {  // mode 0600
    if (fd_.get() < 0) fail("create a file beside", path);
  }
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  // Errors name the file that is to be replaced: they read the same at each attempt.
  void write(std::string_view content, mode_t mode) {
    write_all(fd_.get(), content, path_);
    if (::fchmod(fd_.get(), mode) != 0 || ::fsync(fd_.get()) != 0 || !fd_.close()) fail("write", path_);
  }
  void move_over() {
    if (::rename(name_.c_str(), path_.c_str()) != 0) fail("replace", path_);
    name_.clear();
  }
  // link() fails when the name is taken, as rename() does not.
  void add_name() const {
    if (::link(name_.c_str(), path_.c_str()) != 0) fail("create", path_);
  }

 private:
  const fs::path path_;
  std::string name_;  // before fd_: opening fills it in
  Descriptor fd_;
};

void check_is_secret(int fd, const fs::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail("look at", path);
  if (!S_ISREG(status.st_mode)) throw std::runtime_error(path.string() + " is not a regular file");
  if (!is_private(status.st_mode, status.st_uid, status.st_gid, ::geteuid(), ::getegid())) {
    throw std::runtime_error(path.string() + " is open to other users; make it private: chmod 600 " +
                             path.string());
  }
}

}  // namespace

bool is_private(mode_t mode, uid_t owner, gid_t group, uid_t our_user, gid_t our_group) {
  if ((mode & 0077U) == 0) return true;
  return (mode & 0037U) == 0 && owner != our_user && group == our_group;
}

std::string read_secret_file(const fs::path& path) {
  // Not blocking: a FIFO of that name is refused below instead of waited for.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) fail("open", path);
  check_is_secret(fd.get(), path);
  std::string content;
  std::array<char, 4096> chunk{};
  while (true) {
    const auto taken = ::read(fd.get(), chunk.data(), chunk.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) fail("read", path);
    if (taken == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(taken));
    if (content.size() > kMaxSecretBytes) throw std::runtime_error(path.string() + " is too large");
  }
}

std::string read_secret_line(const fs::path& path) {
  auto line = read_secret_file(path);
  const auto last = line.find_last_not_of(" \t\r\n");
  line.resize(last == std::string::npos ? 0 : last + 1);
  return line;
}

void write_file_atomically(const fs::path& path, std::string_view content, mode_t mode) {
  TemporaryFile file(path);
  file.write(content, mode);
  file.move_over();
  sync_directory_of(path);
}

void create_file_atomically(const fs::path& path, std::string_view content, mode_t mode) {
  TemporaryFile file(path);
  file.write(content, mode);
  file.add_name();
  sync_directory_of(path);
}

}  // namespace duet
