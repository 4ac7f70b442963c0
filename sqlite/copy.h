// sqlite/copy.h: a copy of a database as it is at one moment.
//
// A file appears under its name whole and flushed, or not at all. All files are for their owner alone. Every
// failure is a StoreError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "sqlite/connection.h"

namespace duet {

// Bytes of the copy that are written, and how many it will have about. Called now and then.
using CopyProgress = std::function<void(std::uintmax_t done, std::uintmax_t of)>;

namespace sqlite {

// A copy that nobody sees yet; it goes with its owner unless it was published.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(const std::filesystem::path& target);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Replaces what has that name.
  void publish(const std::filesystem::path& target) const;

 private:
  const std::filesystem::path path_;
};

void copy_into(Connection& connection, const std::filesystem::path& empty_file, const CopyProgress& progress);
// Replaces the target by a copy of the database.
void copy_database(Connection& connection, const std::filesystem::path& target, const CopyProgress& progress);

}  // namespace sqlite
}  // namespace duet
