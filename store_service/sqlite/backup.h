// store_service/sqlite/backup.h: a copy of a database, and a database made of a copy.
//
// A file appears under its name whole and flushed, or not at all. All files are for their owner alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "sqlite/copy.h"
#include "store_service/sqlite/verify.h"

namespace duet {

// Copies the database as it is at one moment; a store may be at work meanwhile. Throws StoreError: no
// database of Duet, the target is there already, the disk.
void back_up_sqlite(const std::filesystem::path& database, const std::filesystem::path& target,
                    const CopyProgress& progress);

struct RestoreOptions {
  bool replace = false;  // a database that is there is kept aside under a new name; otherwise it is refused
  VerifyOptions verify;
};

struct Restored {
  Verified backup;                             // with violations nothing was changed
  std::optional<std::filesystem::path> aside;  // where the database is that was there
  std::string epoch;                           // of the restored one
};

// Puts a copy of the backup in the place of the database, with a new epoch: cursors of before answer `reset`.
// The backup is verified first, and each violation told. Whenever this ends, there is the old database with
// the old epoch or the new one with the new. Throws StoreError: a store has the database open, the database
// is there and `replace` is not set, the disk.
Restored restore_sqlite(const std::filesystem::path& backup, const std::filesystem::path& database,
                        const RestoreOptions& options,
                        const std::function<void(const std::string& line)>& tell,
                        const CopyProgress& progress);

}  // namespace duet
