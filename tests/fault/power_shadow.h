// tests/fault/power_shadow.h: where the power shim notes what is durable, and the power cut reads it.
//
//   content/<inode>   the file as it was when it was last synced; empty: never
//   keep/<inode>      a hard link to the file, so that it and its number outlive its name
//   names/<inode>     of a directory: the names as of its last sync, and what has happened to them since:
//                       = <inode> <name>          a name at the last sync
//                       + <inode> <name>          made since (or moved in, or linked)
//                       - 0 <name>                removed since
//                       > <inode> <old>, and in the next line <new>    renamed since
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace duet {

inline std::string base_name(const std::filesystem::path& path) {
  return path.filename().string();
}

inline ino_t inode_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// The files, with no lock: one process writes a directory at a time, and the caller keeps its threads apart.
class PowerShadow {
 public:
  explicit PowerShadow(std::filesystem::path root) : root_(std::move(root)) {}

  std::filesystem::path content(ino_t inode) const { return root_ / "content" / std::to_string(inode); }
  std::filesystem::path kept(ino_t inode) const { return root_ / "keep" / std::to_string(inode); }
  std::filesystem::path names(ino_t inode) const { return root_ / "names" / std::to_string(inode); }
  std::filesystem::path contents() const { return root_ / "content"; }

  void make() const {
    for (const char* part : {"content", "keep", "names"}) std::filesystem::create_directories(root_ / part);
  }
  bool knows_file(ino_t inode) const { return std::filesystem::exists(content(inode)); }
  bool knows_directory(ino_t inode) const { return std::filesystem::exists(names(inode)); }

  // Begins to watch a directory that was there before: all that is in it is durable.
  void adopt(const std::filesystem::path& directory) const {
    const ino_t inode = inode_of(directory);
    if (inode != 0 && !knows_directory(inode)) sync_names(directory, inode);
  }
  void new_directory(ino_t inode) const { std::ofstream(names(inode)).flush(); }
  // Begins to watch a file; of a new one nothing is durable.
  void keep(const std::filesystem::path& path, ino_t inode, bool is_new) const {
    if (knows_file(inode)) return;
    std::filesystem::create_hard_link(path, kept(inode));
    if (is_new) {
      std::ofstream(content(inode)).flush();
    } else {
      std::filesystem::copy_file(path, content(inode));
    }
  }
  void note(const std::filesystem::path& directory, const std::string& what) const {
    std::ofstream(names(inode_of(directory)), std::ios::app) << what + "\n";
  }
  // The names in the directory are durable from now on.
  void sync_names(const std::filesystem::path& directory, ino_t inode) const {
    const std::filesystem::path fresh = names(inode).string() + ".new";
    {
      std::ofstream list(fresh);
      for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        list << "= " << inode_of(entry.path()) << " " << base_name(entry.path()) << "\n";
        if (entry.is_regular_file()) keep(entry.path(), inode_of(entry.path()), false);
      }
    }
    std::filesystem::rename(fresh, names(inode));
  }

 private:
  std::filesystem::path root_;
};

}  // namespace duet
