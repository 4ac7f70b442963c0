#include "sqlite/copy.h"

#include <system_error>

#include "file_io/store_error.h"
#include "sqlite/file_lock.h"

namespace duet::sqlite {
namespace {

namespace fs = std::filesystem;

fs::path temporary_name(fs::path target) {
  return target += ".tmp";
}

std::uintmax_t pages_bytes(const Connection& connection) {
  Statement statement(connection, "read the size",
                      "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  Cursor row = statement.query();
  return row.next() ? row.number(0) : 0;
}

}  // namespace

UnfinishedFile::UnfinishedFile(const fs::path& target) : path_(temporary_name(target)) {
  std::error_code none_there;
  fs::remove(path_, none_there);
  create_private_file(path_);
}

UnfinishedFile::~UnfinishedFile() {
  std::error_code published;
  fs::remove(path_, published);
}

void UnfinishedFile::publish(const fs::path& target) const {
  sync_path(path_);
  std::error_code error;
  fs::rename(path_, target, error);
  if (error) throw StoreError("cannot rename " + path_.string() + ": " + error.message());
  sync_path(fs::absolute(target).parent_path());
}

void copy_into(Connection& connection, const fs::path& empty_file, const CopyProgress& progress) {
  const std::uintmax_t size = progress ? pages_bytes(connection) : 0;
  const Connection::Watch watch(connection, [&] {
    std::error_code unknown;
    const auto done = fs::file_size(empty_file, unknown);
    if (progress && !unknown) progress(done, size);
  });
  Statement copy(connection, "make a backup", "VACUUM INTO ?1");
  copy.execute(empty_file.string());
}

void copy_database(Connection& connection, const fs::path& target, const CopyProgress& progress) {
  const UnfinishedFile unfinished(target);
  copy_into(connection, unfinished.path(), progress);
  unfinished.publish(target);
}

}  // namespace duet::sqlite
