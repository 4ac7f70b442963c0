// file_io/disk_full.h: whether a failure means that a disk has no room.
//
// Pure. Thread-safe.
#pragma once

#include <cerrno>
#include <exception>
#include <system_error>

namespace duet {

// Writing failed for now: the disk is full, or the quota of our user is used up.
inline bool is_disk_full(const std::error_code& error) {
  return error == std::error_code(ENOSPC, std::generic_category()) ||
         error == std::error_code(EDQUOT, std::generic_category()) ||
         error == std::error_code(ENOSPC, std::system_category()) ||
         error == std::error_code(EDQUOT, std::system_category());
}

// The same of an exception: a std::system_error, which those of std::filesystem are too.
inline bool is_disk_full(const std::exception& error) {
  const auto* failed = dynamic_cast<const std::system_error*>(&error);
  return failed != nullptr && is_disk_full(failed->code());
}

}  // namespace duet
