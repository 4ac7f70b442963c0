// sqlite/connection.h: SQLite's handles, owned. No other header knows SQLite.
//
// A connection with its statements and cursors is used by one thread at a time. Every failure is a StoreError
// that names the file and the operation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "protocol/names.h"

struct sqlite3;
struct sqlite3_stmt;

namespace duet::sqlite {

class Connection {
 public:
  enum class Mode : std::uint8_t { read_write, read_only };

  // The file must exist; an empty one is an empty database.
  Connection(const std::filesystem::path& file, Mode mode);

  // Runs statements that return no rows (or whose rows do not matter).
  void execute(const char* operation, const std::string& sql);
  std::int64_t last_insert_rowid() const noexcept;
  bool in_transaction() const noexcept;
  // From now on readers do not wait for the writer. Throws StoreError when the file system cannot have it.
  void use_write_ahead_log();

  // While it lives, `look` is called now and then from within a long statement; it must not throw or use the
  // connection. One at a time.
  class Watch {
   public:
    Watch(Connection& connection, std::function<void()> look);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Connection& connection_;
    const std::function<void()> look_;
  };

  const std::filesystem::path& file() const { return file_; }
  sqlite3* get() const noexcept { return handle_.get(); }

  // Throw StoreError: what SQLite said last (StoreUnavailable if that passes), or a law of ours that what is
  // stored breaks.
  [[noreturn]] void fail(const char* operation) const;
  [[noreturn]] void damaged(const std::string& what) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> handle_;
};

struct Blob {
  std::string_view bytes;
};

// The rows of a query. The statement is free again when the cursor goes.
class Cursor {
 public:
  Cursor(const Connection& connection, const char* operation, sqlite3_stmt* statement) noexcept
      : connection_(connection), operation_(operation), statement_(statement) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor();

  // Moves to the next row, at first to the first. False: there are no more.
  bool next();

  // Columns of the row, from 0. Text and blobs live until the next call of next().
  bool null(int column) const noexcept;
  std::int64_t integer(int column) const noexcept;
  std::uint64_t number(int column) const noexcept { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view text(int column) const noexcept;
  std::string_view blob(int column) const noexcept;
  Timestamp time(int column) const noexcept { return Timestamp(std::chrono::milliseconds(integer(column))); }
  template <typename Key>
  Key key(int column) const noexcept {
    return Key{integer(column)};
  }
  // A name that was valid when it was stored.
  template <typename Name>
  Name name(int column) const {
    auto name = Name::parse(text(column));
    if (!name) connection_.damaged("a stored name is outside the grammar");
    return *std::move(name);
  }

 private:
  const Connection& connection_;
  const char* operation_;
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  // `operation` and the connection must outlive the statement.
  Statement(const Connection& connection, const char* operation, std::string_view sql);

  // Binds the values to ?1, ?2 … Integers, enums, times, text, Blob and optionals of them.
  template <typename... Values>
  [[nodiscard]] Cursor query(const Values&... values) {
    int index = 0;
    (bind(++index, values, Lifetime::call), ...);
    return {connection_, operation_, handle_.get()};
  }

  // For statements without rows. Returns how many rows were changed.
  template <typename... Values>
  std::int64_t execute(const Values&... values) {
    int index = 0;
    (bind(++index, values, Lifetime::statement), ...);
    return run();
  }

 private:
  enum class Lifetime : std::uint8_t { call, statement };
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept;
  };

  template <typename Value>
  void bind(int index, const Value& value, Lifetime lifetime) {
    if constexpr (std::is_enum_v<Value> || std::is_integral_v<Value>) {
      bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<Value, Timestamp>) {
      bind_integer(index, value.time_since_epoch().count());
    } else if constexpr (std::is_same_v<Value, Blob>) {
      bind_blob(index, value.bytes, lifetime);
    } else {
      bind_text(index, value, lifetime);
    }
  }
  template <typename Value>
  void bind(int index, const std::optional<Value>& value, Lifetime lifetime) {
    if (value) {
      bind(index, *value, lifetime);
    } else {
      bind_null(index);
    }
  }

  void bind_null(int index);
  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view text, Lifetime lifetime);
  void bind_blob(int index, std::string_view bytes, Lifetime lifetime);
  std::int64_t run();
  void check(int result) const;

  const Connection& connection_;
  const char* operation_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace duet::sqlite
