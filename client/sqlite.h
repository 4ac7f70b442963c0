// client/sqlite.h: owners for SQLite's handles. Only database.cpp includes it.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "file_io/store_error.h"

namespace duet {

struct CloseSqlite {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using SqliteHandle = std::unique_ptr<sqlite3, CloseSqlite>;

// Throws StoreUnavailable for what may succeed later: the disk is full or failed, or another process reads
// the file (a backup). Otherwise std::runtime_error.
[[noreturn]] inline void fail_sqlite(sqlite3* handle) {
  const auto text = std::string("the client's database ") + sqlite3_db_filename(handle, "main") + ": " +
                    sqlite3_errmsg(handle);
  switch (sqlite3_errcode(handle) & 0xff) {  // the primary code
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
      throw StoreUnavailable(text);
    default:
      throw std::runtime_error(text);
  }
}

inline void execute_sqlite(sqlite3* handle, const char* sql) {
  if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail_sqlite(handle);
}

// A prepared statement, used again and again. Parameters are bound from 1, columns read from 0.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* handle, const char* sql) : handle_(handle) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
      fail_sqlite(handle);
    }
    statement_.reset(statement);
  }

  SqliteStatement& bind(int index, std::uint64_t value) {
    check(sqlite3_bind_int64(statement_.get(), index, static_cast<std::int64_t>(value)));
    return *this;
  }
  // `value` must outlive the run.
  SqliteStatement& bind(int index, std::string_view value) {
    check(
        sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
  }

  // Runs to the end.
  void run() {
    while (next()) {
    }
  }
  // False at the end; then it can be bound anew.
  bool next() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    if (code != SQLITE_DONE) fail_sqlite(handle_);
    return false;
  }

  std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
  }
  std::string text(int column) const {
    const void* bytes = sqlite3_column_text(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) fail_sqlite(handle_);
  }

  sqlite3* handle_;
  std::unique_ptr<sqlite3_stmt, CloseSqlite> statement_;
};

// Rolled back unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(sqlite3* handle) : handle_(handle) { execute_sqlite(handle, "BEGIN IMMEDIATE"); }
  ~SqliteTransaction() {
    if (!committed_) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  void commit() {
    execute_sqlite(handle_, "COMMIT");
    committed_ = true;
  }

 private:
  sqlite3* handle_;
  bool committed_ = false;
};

}  // namespace duet
