#include "sqlite/migration.h"

#include <filesystem>
#include <string>

#include "file_io/crash_point.h"
#include "file_io/store_error.h"
#include "sqlite/copy.h"

namespace duet::sqlite {
namespace {

std::int64_t single_number(const Connection& connection, const char* operation, const char* sql) {
  Statement statement(connection, operation, sql);
  Cursor row = statement.query();
  return row.next() ? row.integer(0) : 0;
}

int newest(std::span<const Migration> steps) {
  return steps.empty() ? 0 : steps.back().number;
}

// 0: the database is empty.
int schema_version(const Connection& connection, std::int64_t application_id) {
  const auto id = single_number(connection, "read the file", "PRAGMA application_id");
  if (id != application_id) {
    const auto things = single_number(connection, "read the schema", "SELECT count(*) FROM sqlite_schema");
    if (id == 0 && things == 0) return 0;
    throw StoreError("database " + connection.file().string() +
                     " belongs to another program (application id " + std::to_string(id) + ")");
  }
  return static_cast<int>(
      single_number(connection, "read the schema version", "SELECT schema_version FROM meta"));
}

void back_up(Connection& connection, int version) {
  std::filesystem::path backup = connection.file();
  backup += ".v" + std::to_string(version) + ".bak";
  copy_database(connection, backup, {});
}

void apply(Connection& connection, const Migration& step) {
  connection.execute(step.name, "BEGIN IMMEDIATE");
  try {
    connection.execute(step.name, step.sql);
    Statement set_version(connection, step.name, "UPDATE meta SET schema_version = ?1");
    set_version.execute(step.number);
    DUET_CRASH_POINT("migration.commit.before");
    connection.execute(step.name, "COMMIT");
    DUET_CRASH_POINT("migration.commit.after");
  } catch (const StoreError&) {
    if (connection.in_transaction()) connection.execute("roll back", "ROLLBACK");
    throw;
  }
}

}  // namespace

int check_schema(const Connection& connection, const Schema& schema) {
  const int version = schema_version(connection, schema.application_id);
  if (version > newest(schema.steps)) {
    throw StoreError("database " + connection.file().string() + " has schema version " +
                     std::to_string(version) + ", and this program knows versions up to " +
                     std::to_string(newest(schema.steps)) + ": it was written by a newer Duet");
  }
  return version;
}

void migrate(Connection& connection, const Schema& schema) {
  const int version = check_schema(connection, schema);
  if (version > 0 && version < newest(schema.steps)) back_up(connection, version);
  for (const Migration& step : schema.steps) {
    if (step.number > version) apply(connection, step);
  }
}

}  // namespace duet::sqlite
