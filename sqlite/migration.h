// sqlite/migration.h: brings a database to the schema this program knows.
#pragma once

#include <cstdint>
#include <span>

#include "sqlite/connection.h"

namespace duet::sqlite {

// A file of migrations/, embedded by CMake (duet_migrations). Applied once, in order of the numbers, each in
// a transaction; never changed after a release.
struct Migration {
  int number;  // 1, 2, 3 … without holes
  const char* name;
  const char* sql;
};

// What a program expects of its database.
struct Schema {
  std::int64_t application_id;  // of the file (PRAGMA application_id); the first migration sets it
  std::span<const Migration> steps;
};

// Throws StoreError for a file that is not a database of this program, is damaged or comes from a newer
// program. Changes nothing. Returns the schema version; 0: the database is empty.
int check_schema(const Connection& connection, const Schema& schema);

// Brings a checked database to the last step. An existing one is copied to `<file>.v<its version>.bak` (and
// flushed) before its first change. Throws StoreError.
void migrate(Connection& connection, const Schema& schema);

}  // namespace duet::sqlite
