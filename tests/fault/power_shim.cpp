// libduet_power_shim.so: a disk that keeps what was synced, for processes that run under LD_PRELOAD.
//
//   DUET_POWER_DIR      absolute directories, joined by ':', whose files it watches
//   DUET_POWER_SHADOW   a directory outside them, on the same file system: tests/fault/power_shadow.h
//   DUET_POWER_BOOT_ID  a file that stands for the kernel's boot id, once it exists
//
// The watched directories stay what processes see (the page cache); the shadow holds what a power cut leaves
// for certain. What of the rest is left, tests/fault/power_cut.h decides. Everything is in files: a process
// that is killed takes nothing of it away. Not seen: writes by mmap and by stdio; they are never durable.
// NOLINTBEGIN(cppcoreguidelines-pro-type-vararg): open is variadic

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fault/power_shadow.h"

namespace duet {
namespace {

// The system calls themselves: the functions of that name are the ones defined below.
int real_open(int dir, const char* path, int flags, mode_t mode) {
  return static_cast<int>(::syscall(SYS_openat, dir, path, flags, mode));
}
int real_close(int fd) {
  return static_cast<int>(::syscall(SYS_close, fd));
}
int real_fsync(int fd) {
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
ssize_t real_pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  return ::syscall(SYS_pwrite64, fd, bytes, count, offset);
}

// What this process wrote since it last synced the file: everything in between counts as written.
struct WrittenRange {
  off_t from = 0;
  off_t to = 0;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class PowerShim {
 public:
  PowerShim(const std::string& dirs, const std::string& shadow) : shadow_(shadow) {
    for (std::size_t at = 0; at <= dirs.size();) {
      const std::size_t end = std::min(dirs.find(':', at), dirs.size());
      if (end > at) dirs_.push_back(dirs.substr(at, end - at));
      at = end + 1;
    }
  }

  bool watches(std::string_view path) const {
    return std::any_of(dirs_.begin(), dirs_.end(), [path](const std::string& dir) {
      return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
    });
  }

  int open(int dir, const char* path, int flags, mode_t mode);
  void written(int fd, off_t from, off_t to);
  void forget(int fd) {
    if (auto* slot = slot_of(fd)) slot->store(0);
  }
  int sync(int fd);
  // A change of names: `operation` does it, `note` is what the log of its directory says of it.
  template <typename Operation>
  int change(const char* path, const std::string& note, Operation operation);
  int rename(const char* from, const char* to);
  int make_directory(const char* path, mode_t mode);
  bool is_file(int fd) {
    const auto* slot = slot_of(fd);
    return slot != nullptr && slot->load() != 0;
  }

 private:
  std::atomic<ino_t>* slot_of(int fd) {
    return fd >= 0 && static_cast<std::size_t>(fd) < files_.size() ? &files_[static_cast<std::size_t>(fd)]
                                                                   : nullptr;
  }
  void sync_content(ino_t inode);
  // Makes the shadow. Not in the constructor: it calls functions that look for the shim. Needs names_mutex_.
  void prepare() {
    if (device_ != 0) return;
    shadow_.make();
    struct stat status {};
    if (::stat(shadow_.contents().c_str(), &status) == 0) device_ = status.st_dev;
  }

  std::vector<std::string> dirs_;
  PowerShadow shadow_;
  std::atomic<dev_t> device_ = 0;  // of the shadow; 0: nothing was watched yet
  // By descriptor: the inode of a watched file that is open for writing, or 0.
  std::array<std::atomic<ino_t>, 65'536> files_{};

  std::mutex names_mutex_;  // held over a change of names and its note
  std::mutex sync_mutex_;   // held while content is copied to the shadow
  std::mutex ranges_mutex_;
  // Guarded by ranges_mutex_. A file that is missing here is copied as a whole: what a killed process wrote
  // before us is nowhere noted.
  std::map<ino_t, WrittenRange> ranges_;
};

// Null when the environment does not ask for a shim. Never destroyed: other objects write until the end.
PowerShim* shim() {
  static PowerShim* const instance = [] {
    const std::string dirs = environment("DUET_POWER_DIR");
    const std::string shadow = environment("DUET_POWER_SHADOW");
    return dirs.empty() || shadow.empty() ? nullptr : new PowerShim(dirs, shadow);
  }();
  return instance;
}

int PowerShim::open(int dir, const char* path, int flags, mode_t mode) {
  const std::lock_guard lock(names_mutex_);
  prepare();
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  struct stat status {};
  const bool makes = (flags & O_CREAT) != 0 && ::lstat(path, &status) != 0;
  shadow_.adopt(parent);
  const int fd = real_open(dir, path, flags, mode);
  if (fd < 0) return fd;
  const int error = errno;
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    shadow_.keep(path, status.st_ino, makes);
    if (makes) shadow_.note(parent, "+ " + std::to_string(status.st_ino) + " " + base_name(path));
    if (auto* slot = slot_of(fd)) slot->store(status.st_ino);
    if ((flags & O_TRUNC) != 0) {
      const std::lock_guard ranges(ranges_mutex_);
      ranges_.erase(status.st_ino);
    }
  }
  errno = error;
  return fd;
}

// After the write: a sync that is under way meanwhile need not cover it.
void PowerShim::written(int fd, off_t from, off_t to) {
  const ino_t inode = slot_of(fd)->load();
  const std::lock_guard lock(ranges_mutex_);
  const auto found = ranges_.find(inode);
  if (found == ranges_.end()) return;
  WrittenRange& range = found->second;
  if (range.to == range.from) range = {from, to};
  range = {std::min(range.from, from), std::max(range.to, to)};
}

void PowerShim::sync_content(ino_t inode) {
  const std::lock_guard lock(sync_mutex_);
  WrittenRange range{0, std::numeric_limits<off_t>::max()};
  {
    const std::lock_guard ranges(ranges_mutex_);
    if (const auto found = ranges_.find(inode); found != ranges_.end()) range = found->second;
    ranges_[inode] = {};
  }
  const int live = real_open(AT_FDCWD, shadow_.kept(inode).c_str(), O_RDONLY | O_CLOEXEC, 0);
  const int durable = real_open(AT_FDCWD, shadow_.content(inode).c_str(), O_WRONLY | O_CLOEXEC, 0);
  struct stat status {};
  if (live < 0 || durable < 0 || ::fstat(live, &status) != 0) std::abort();
  ::syscall(SYS_ftruncate, durable, status.st_size);
  std::array<char, 65'536> buffer;
  for (off_t at = range.from; at < std::min<off_t>(range.to, status.st_size);) {
    const auto wanted = std::min<off_t>(static_cast<off_t>(buffer.size()), range.to - at);
    const ssize_t got = ::pread(live, buffer.data(), static_cast<std::size_t>(wanted), at);
    if (got <= 0) break;
    if (real_pwrite(durable, buffer.data(), static_cast<std::size_t>(got), at) != got) std::abort();
    at += got;
  }
  real_close(live);
  real_close(durable);
}

int PowerShim::sync(int fd) {
  // First the real one: a process that is killed in it has not synced.
  if (real_fsync(fd) != 0) return -1;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_dev != device_) return 0;
  if (S_ISDIR(status.st_mode) && shadow_.knows_directory(status.st_ino)) {
    const std::lock_guard lock(names_mutex_);
    shadow_.sync_names("/proc/self/fd/" + std::to_string(fd), status.st_ino);
  } else if (S_ISREG(status.st_mode) && shadow_.knows_file(status.st_ino)) {
    sync_content(status.st_ino);
  }
  return 0;
}

template <typename Operation>
int PowerShim::change(const char* path, const std::string& note, Operation operation) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::lock_guard lock(names_mutex_);
  prepare();
  shadow_.adopt(parent);
  const int result = operation();
  const int error = errno;
  if (result == 0) shadow_.note(parent, note);
  errno = error;
  return result;
}

int PowerShim::rename(const char* from, const char* to) {
  struct stat status {};
  if (::lstat(from, &status) != 0) return -1;
  const auto real = [&] { return static_cast<int>(::syscall(SYS_rename, from, to)); };
  const std::string inode = std::to_string(status.st_ino);
  if (std::filesystem::path(from).parent_path() == std::filesystem::path(to).parent_path()) {
    return change(to, "> " + inode + " " + base_name(from) + "\n" + base_name(to), real);
  }
  std::abort();  // nobody does it, and two directories cannot be noted at once
}

int PowerShim::make_directory(const char* path, mode_t mode) {
  const auto real = [&] { return static_cast<int>(::syscall(SYS_mkdir, path, mode)); };
  const bool has_parent = watches(std::filesystem::path(path).parent_path().native());
  const std::lock_guard lock(names_mutex_);
  prepare();
  if (has_parent) shadow_.adopt(std::filesystem::path(path).parent_path());
  const int result = real();
  const int error = errno;
  struct stat status {};
  if (result == 0 && ::stat(path, &status) == 0) {
    shadow_.new_directory(status.st_ino);
    if (has_parent) {
      shadow_.note(std::filesystem::path(path).parent_path(),
                   "+ " + std::to_string(status.st_ino) + " " + base_name(path));
    }
  }
  errno = error;
  return result;
}

bool watched(const char* path) {
  return path != nullptr && shim() != nullptr && shim()->watches(path);
}

// The file that stands for the boot id, if `path` is the kernel's and there is one.
const char* redirected(const char* path) {
  if (path == nullptr || std::strcmp(path, "/proc/sys/kernel/random/boot_id") != 0) return path;
  const char* other = std::getenv("DUET_POWER_BOOT_ID");
  return other != nullptr && ::access(other, R_OK) == 0 ? other : path;
}

int open_any(int dir, const char* path, int flags, mode_t mode) {
  const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (!changes || !watched(path)) return real_open(dir, redirected(path), flags, mode);
  return shim()->open(dir, path, flags, mode);
}

ssize_t write_any(int fd, const void* bytes, std::size_t count) {
  const ssize_t done = ::syscall(SYS_write, fd, bytes, count);
  if (done > 0 && shim() != nullptr && shim()->is_file(fd)) {
    const off_t end = ::lseek(fd, 0, SEEK_CUR);
    shim()->written(fd, end - done, end);
  }
  return done;
}

ssize_t pwrite_any(int fd, const void* bytes, std::size_t count, off_t offset) {
  const ssize_t done = real_pwrite(fd, bytes, count, offset);
  if (done > 0 && shim() != nullptr && shim()->is_file(fd)) shim()->written(fd, offset, offset + done);
  return done;
}

int truncate_any(int fd, off_t size) {
  struct stat before {};
  const bool watching = shim() != nullptr && shim()->is_file(fd) && ::fstat(fd, &before) == 0;
  const int result = static_cast<int>(::syscall(SYS_ftruncate, fd, size));
  if (result == 0 && watching)
    shim()->written(fd, std::min(size, before.st_size), std::max(size, before.st_size));
  return result;
}

int unlink_any(const char* path) {
  const auto real = [&] { return static_cast<int>(::syscall(SYS_unlink, path)); };
  return watched(path) ? shim()->change(path, "- 0 " + base_name(path), real) : real();
}

FILE* fopen_any(const char* path, const char* mode) {
  using Fopen = FILE* (*)(const char*, const char*);
  static const auto real = reinterpret_cast<Fopen>(::dlsym(RTLD_NEXT, "fopen64"));
  return real(redirected(path), mode);
}

mode_t mode_of(int flags, va_list arguments) {
  const bool given = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return given ? va_arg(arguments, mode_t) : 0;
}

}  // namespace
}  // namespace duet

// The C library's functions, under its names.
#define DUET_OPEN(name)                                  \
  int name(const char* path, int flags, ...) {           \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    const mode_t mode = duet::mode_of(flags, arguments); \
    va_end(arguments);                                   \
    return duet::open_any(AT_FDCWD, path, flags, mode);  \
  }
#define DUET_OPENAT(name)                                \
  int name(int dir, const char* path, int flags, ...) {  \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    const mode_t mode = duet::mode_of(flags, arguments); \
    va_end(arguments);                                   \
    return duet::open_any(dir, path, flags, mode);       \
  }

extern "C" {

DUET_OPEN(open)
DUET_OPEN(open64)
DUET_OPENAT(openat)
DUET_OPENAT(openat64)
int creat(const char* path, mode_t mode) {
  return duet::open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  return creat(path, mode);
}
FILE* fopen(const char* path, const char* mode) {
  return duet::fopen_any(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return duet::fopen_any(path, mode);
}

int close(int fd) {
  if (duet::shim() != nullptr) duet::shim()->forget(fd);
  return duet::real_close(fd);
}

ssize_t write(int fd, const void* bytes, std::size_t count) {
  return duet::write_any(fd, bytes, count);
}
ssize_t pwrite(int fd, const void* bytes, std::size_t count, off_t offset) {
  return duet::pwrite_any(fd, bytes, count, offset);
}
ssize_t pwrite64(int fd, const void* bytes, std::size_t count, off64_t offset) {
  return duet::pwrite_any(fd, bytes, count, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  return duet::truncate_any(fd, size);
}
int ftruncate64(int fd, off64_t size) noexcept {
  return duet::truncate_any(fd, size);
}

int fsync(int fd) {
  return duet::shim() != nullptr ? duet::shim()->sync(fd) : duet::real_fsync(fd);
}
int fdatasync(int fd) {
  return fsync(fd);
}

int unlink(const char* path) noexcept {
  return duet::unlink_any(path);
}
int remove(const char* path) noexcept {
  if (duet::unlink_any(path) == 0) return 0;
  return errno == EISDIR ? ::rmdir(path) : -1;
}
int rename(const char* from, const char* to) noexcept {
  if (duet::watched(to) || duet::watched(from)) return duet::shim()->rename(from, to);
  return static_cast<int>(::syscall(SYS_rename, from, to));
}
int link(const char* from, const char* to) noexcept {
  struct stat status {};
  const auto real = [&] { return static_cast<int>(::syscall(SYS_link, from, to)); };
  if (!duet::watched(to) || ::stat(from, &status) != 0) return real();
  return duet::shim()->change(to, "+ " + std::to_string(status.st_ino) + " " + duet::base_name(to), real);
}
int mkdir(const char* path, mode_t mode) noexcept {
  if (duet::watched(path)) return duet::shim()->make_directory(path, mode);
  return static_cast<int>(::syscall(SYS_mkdir, path, mode));
}

}  // extern "C"

// NOLINTEND(cppcoreguidelines-pro-type-vararg)
