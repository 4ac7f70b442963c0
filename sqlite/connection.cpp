#include "sqlite/connection.h"

#include <sqlite3.h>

#include <system_error>
#include <utility>

#include "file_io/disk_full.h"
#include "file_io/store_error.h"

namespace duet::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int kWatchSteps = 1'000'000;  // of SQLite's virtual machine: some tenths of a second

// Whether what failed may succeed later. A file that cannot be opened is worth it only without room for it.
bool passes(sqlite3* handle) {
  switch (sqlite3_errcode(handle) & 0xff) {  // the primary code
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return true;
    case SQLITE_CANTOPEN:
      return is_disk_full(std::error_code(sqlite3_system_errno(handle), std::generic_category()));
    default:
      return false;
  }
}

}  // namespace

Connection::Connection(const std::filesystem::path& file, Mode mode) : file_(file) {
  sqlite3* handle = nullptr;
  const int access = mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int result = sqlite3_open_v2(file.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);  // a failed open also gives a handle, with the reason
  if (result != SQLITE_OK) fail("open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
}

void Connection::Close::operator()(sqlite3* handle) const noexcept {
  sqlite3_close_v2(handle);
}

void Connection::execute(const char* operation, const std::string& sql) {
  if (sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(operation);
}

std::int64_t Connection::last_insert_rowid() const noexcept {
  return sqlite3_last_insert_rowid(get());
}

// SQLite answers with the mode it has, and some file systems cannot have this one.
void Connection::use_write_ahead_log() {
  Statement statement(*this, "open", "PRAGMA journal_mode = WAL");
  Cursor row = statement.query();
  if (row.next() && row.text(0) == "wal") return;
  throw StoreError("database " + file_.string() + ": the file system allows no write-ahead log");
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(get()) == 0;
}

void Connection::fail(const char* operation) const {
  const auto text = "database " + file_.string() + ": cannot " + operation + ": " + sqlite3_errmsg(get());
  if (passes(get())) throw StoreUnavailable(text);
  throw StoreError(text);
}

void Connection::damaged(const std::string& what) const {
  throw StoreError("database " + file_.string() + " is damaged: " + what);
}

Connection::Watch::Watch(Connection& connection, std::function<void()> look)
    : connection_(connection), look_(std::move(look)) {
  const auto call = [](void* watch) {
    static_cast<const Watch*>(watch)->look_();
    return 0;  // go on
  };
  sqlite3_progress_handler(connection_.get(), kWatchSteps, call, this);
}

Connection::Watch::~Watch() {
  sqlite3_progress_handler(connection_.get(), 0, nullptr, nullptr);
}

Cursor::~Cursor() {
  sqlite3_reset(statement_);
}

bool Cursor::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) connection_.fail(operation_);
  return false;
}

bool Cursor::null(int column) const noexcept {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Cursor::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Cursor::text(int column) const noexcept {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Cursor::blob(int column) const noexcept {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Statement::Statement(const Connection& connection, const char* operation, std::string_view sql)
    : connection_(connection), operation_(operation) {
  sqlite3_stmt* handle = nullptr;
  const int result = sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  check(result);
}

void Statement::Finalize::operator()(sqlite3_stmt* handle) const noexcept {
  sqlite3_finalize(handle);
}

void Statement::check(int result) const {
  if (result != SQLITE_OK) connection_.fail(operation_);
}

void Statement::bind_null(int index) {
  check(sqlite3_bind_null(handle_.get(), index));
}

void Statement::bind_integer(int index, std::int64_t value) {
  check(sqlite3_bind_int64(handle_.get(), index, value));
}

// A null pointer would bind NULL, which an empty text is not.
void Statement::bind_text(int index, std::string_view text, Lifetime lifetime) {
  const char* data = text.data() == nullptr ? "" : text.data();
  check(sqlite3_bind_text64(handle_.get(), index, data, text.size(),
                            lifetime == Lifetime::call ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind_blob(int index, std::string_view bytes, Lifetime lifetime) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  check(sqlite3_bind_blob64(handle_.get(), index, data, bytes.size(),
                            lifetime == Lifetime::call ? SQLITE_TRANSIENT : SQLITE_STATIC));
}

std::int64_t Statement::run() {
  Cursor(connection_, operation_, handle_.get()).next();
  return sqlite3_changes64(connection_.get());
}

}  // namespace duet::sqlite
