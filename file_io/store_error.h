// file_io/store_error.h: the failure of a database.
#pragma once

#include <stdexcept>

namespace duet {

// The database failed: disk full, locked, damaged. Nothing of the transaction stands. The text names the
// operation.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The same for a cause that passes by itself: the disk is full or failed, or another process is writing. It
// is worth trying again.
class StoreUnavailable : public StoreError {
 public:
  using StoreError::StoreError;
};

}  // namespace duet
