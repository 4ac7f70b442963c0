#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

namespace duet {
namespace {

namespace fs = std::filesystem;

void check(bool done, const std::string& what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

// Mounts of this process are no longer the machine's.
void enter_own_mount_namespace() {
  static const bool entered = [] {
    check(unshare(CLONE_NEWNS) == 0, "cannot make a mount namespace");
    check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "cannot make mounts private");
    return true;
  }();
  static_cast<void>(entered);
}

void copy_owner(const fs::path& from, const fs::path& to) {
  struct stat owner {};
  check(stat(from.c_str(), &owner) == 0, "cannot look at " + from.string());
  check(chown(to.c_str(), owner.st_uid, owner.st_gid) == 0, "cannot give away " + to.string());
  check(chmod(to.c_str(), owner.st_mode & 07777) == 0, "cannot set the mode of " + to.string());
}

void copy_all(const fs::path& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  copy_owner(from, to);
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    copy_owner(entry.path(), to / fs::relative(entry.path(), from));
  }
}

}  // namespace

SmallDisk::SmallDisk(fs::path directory, std::size_t bytes) : directory_(std::move(directory)) {
  enter_own_mount_namespace();
  fs::path before = directory_;
  before += ".before";
  copy_all(directory_, before);
  check(mount("tmpfs", directory_.c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()) == 0,
        "cannot mount on " + directory_.string());
  for (const auto& entry : fs::directory_iterator(before)) {
    const fs::path target = directory_ / entry.path().filename();
    entry.is_directory() ? copy_all(entry.path(), target)
                         : (fs::copy_file(entry.path(), target), copy_owner(entry.path(), target));
  }
  copy_owner(before, directory_);
  fs::remove_all(before);
}

SmallDisk::~SmallDisk() {
  umount2(directory_.c_str(), MNT_DETACH);
}

std::size_t SmallDisk::free_bytes() const {
  struct statvfs room {};
  check(statvfs(directory_.c_str(), &room) == 0, "cannot look at " + directory_.string());
  return room.f_bavail * room.f_bsize;
}

void SmallDisk::fill(std::size_t left) const {
  const int fd = open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  check(fd >= 0, "cannot make " + filler().string());
  off_t size = 0;
  for (std::size_t room = free_bytes(); room > left; room = free_bytes()) {
    const auto take = static_cast<off_t>(room - left);
    if (posix_fallocate(fd, size, take) == 0) size += take;  // else somebody was quicker
  }
  close(fd);
}

void SmallDisk::make_room() const {
  fs::remove(filler());
}

}  // namespace duet
