// store_service/sqlite/sqlite_store.h: the store in one SQLite file.
//
// docs/adr/0003-sqlite-layout.md says how the tables are laid out and what that costs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "store_service/store.h"

namespace duet {

// Sizes that only matter for speed and memory. The defaults were measured, see the ADR.
struct SqliteOptions {
  int page_bytes = 4096;              // of a database that is made now
  int checkpoint_pages = 4000;        // the write-ahead log is copied back when it has grown to this
  int writer_cache_kib = 65536;       // SQLite's pages, of the writer
  int reader_cache_kib = 8192;        // of each reader
  std::size_t conversations = 65536;  // kept by the writer between transactions
  std::size_t users = 131072;         // names kept by the writer, and by each reader at most an eighth
  std::size_t recent_ids = 262144;    // message ids that are not yet in the table: see IdIndex
  std::size_t device_receipts =
      1'000'000;  // rows that are kept at most, whoever has read them: a bound of disk
};

// What the caches above hold when they are full, about: pages of the writer and of four readers, and the
// rest.
inline constexpr std::size_t kDefaultCacheMib = 160;
// Caches that hold about `cache_mib` (at most 65,536) when they are full, each its share as above.
SqliteOptions with_caches_of(std::size_t cache_mib);

// Opens the database, or makes one (mode 0600) in a directory that exists. Runs pending migrations; an
// existing database is first copied to `<file>.v<version>.bak`. Throws StoreError with a text for the
// operator that names the file: in use by another process, not a database of Duet, damaged, written by a
// newer Duet, not readable or writable.
std::unique_ptr<Database> open_sqlite(const std::filesystem::path& file, const SqliteOptions& options = {});

}  // namespace duet
