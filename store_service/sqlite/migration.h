// store_service/sqlite/migration.h: brings a database to the schema this program knows.
#pragma once

#include <span>

#include "store_service/sqlite/connection.h"

namespace duet::sqlite {

// A file of migrations/, embedded by CMake. Applied once, in order of the numbers, each in a transaction;
// never changed after a release.
struct Migration {
  int number;  // 1, 2, 3 … without holes
  const char* name;
  const char* sql;
};
std::span<const Migration> migrations();

// Throws StoreError for a file that is not a database of Duet, is damaged or comes from a newer program.
// Changes nothing. Returns the schema version; 0: the database is empty.
int check_schema(const Connection& connection, std::span<const Migration> steps);

// Brings a checked database to the last step. An existing one is copied to `<file>.v<its version>.bak` (and
// flushed) before its first change. Throws StoreError.
void migrate(Connection& connection, std::span<const Migration> steps);

}  // namespace duet::sqlite
