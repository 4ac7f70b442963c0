#include "store_service/sqlite/verify.h"

#include <string_view>
#include <utility>

#include "sqlite/connection.h"
#include "store_service/partition.h"
#include "store_service/sqlite/device_receipts.h"
#include "store_service/sqlite/schema.h"
#include "store_service/sqlite/verify_parts.h"
#include "store_service/sqlite/violations.h"

namespace duet {
namespace sqlite {
namespace {

// A law that a query looks for: it gives conversation, seq and log number (or NULL) of each violation.
struct QueryLaw {
  std::string_view law;
  std::string_view query;
  const char* what;
};

constexpr QueryLaw kQueryLaws[] = {
    {"receipts",
     "SELECT r.conversation_id, NULL, r.log_number FROM receipts AS r LEFT JOIN conversations AS c "
     "ON c.id = r.conversation_id WHERE c.id IS NOT NULL AND "
     "CASE r.side WHEN 0 THEN c.a_receipt_log WHEN 1 THEN c.b_receipt_log ELSE -1 END <> r.log_number",
     "a receipt that is not the last of its side"},
    {"receipts",
     "SELECT c.id, NULL, c.a_receipt_log FROM conversations AS c WHERE c.a_receipt_log <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM receipts WHERE log_number = c.a_receipt_log AND conversation_id = c.id AND side = 0)",
     "a's last receipt is missing"},
    {"receipts",
     "SELECT c.id, NULL, c.b_receipt_log FROM conversations AS c WHERE c.b_receipt_log <> 0 AND NOT EXISTS "
     "(SELECT 1 FROM receipts WHERE log_number = c.b_receipt_log AND conversation_id = c.id AND side = 1)",
     "b's last receipt is missing"},
    {"owner",
     "SELECT conversation_id, NULL, log_number FROM receipts "
     "WHERE conversation_id NOT IN (SELECT id FROM conversations)",
     "a receipt without conversation"},
    // SQLite 3.40's own check of the schema's CHECKs may look at the last row alone.
    {"owner", "SELECT id, NULL, NULL FROM conversations WHERE user_a >= user_b",
     "the user with the smaller key does not come first"},
    {"consent",
     "SELECT id, NULL, NULL FROM conversations WHERE awaits IS NOT NULL AND "
     "CASE awaits WHEN 0 THEN a_sent WHEN 1 THEN b_sent ELSE -1 END <> 0",
     "it waits for the consent of somebody who has answered, or of nobody"},
    {"log",
     "SELECT m.conversation_id, m.seq, m.log_number FROM receipts AS r JOIN messages AS m "
     "ON m.log_number = r.log_number",
     "the log number of a message and of a receipt"},
    {"log", "SELECT conversation_id, NULL, log_number FROM receipts WHERE log_number < 1",
     "not a log number"},
    {"log",
     "SELECT d.conversation_id, NULL, d.log_number FROM device_receipts AS d WHERE d.log_number < 1 OR "
     "EXISTS "
     "(SELECT 1 FROM messages WHERE log_number = d.log_number) OR EXISTS "
     "(SELECT 1 FROM receipts WHERE log_number = d.log_number)",
     "a device's receipt with no log number, or with that of something else"},
    {"owner",
     "SELECT conversation_id, NULL, log_number FROM device_receipts "
     "WHERE conversation_id NOT IN (SELECT id FROM conversations) OR side NOT IN (0, 1)",
     "a device's receipt without conversation, or of nobody in it"},
    {"marks",
     "SELECT c.id, NULL, d.log_number FROM device_receipts AS d JOIN conversations AS c "
     "ON c.id = d.conversation_id WHERE d.read < 0 OR d.read > d.delivered OR d.delivered > c.last_seq",
     "a device's receipt for messages that are not there"},
    {"owner",
     "SELECT conversation_id, NULL, NULL FROM mutes "
     "WHERE conversation_id NOT IN (SELECT id FROM conversations) OR side NOT IN (0, 1)",
     "a mute without conversation, or of nobody in it"},
    {"meta", "SELECT NULL, NULL, NULL FROM (SELECT count(*) AS rows FROM meta) WHERE rows <> 1",
     "not one row, but several or none"},
    {"meta", "SELECT NULL, NULL, NULL FROM meta WHERE length(epoch) <> 16 OR epoch GLOB '*[^0-9a-f]*'",
     "the epoch is not 16 characters of 0-9 a-f"},
    {"meta",
     "SELECT NULL, NULL, delivered_mark FROM meta WHERE delivered_mark < 0 OR delivered_mark > "
     "max((SELECT coalesce(max(log_number), 0) FROM messages), "
     "(SELECT coalesce(max(log_number), 0) FROM receipts))",
     "the delivered mark is beyond the last change"},
    {"meta",
     "SELECT NULL, NULL, ids_indexed FROM meta WHERE ids_indexed < 0 OR ids_indexed > "
     "(SELECT coalesce(max(log_number), 0) FROM messages)",
     "the id index is said to be complete beyond the last message"},
};

template <typename Value>
std::optional<Value> optional_at(const Cursor& row, int column) {
  if (row.null(column)) return std::nullopt;
  return Value{row.number(column)};
}

void check_file(const Connection& connection, Violations& violations) {
  Statement integrity(connection, "check the file", "PRAGMA integrity_check");
  Cursor row = integrity.query();
  while (row.next()) {
    if (row.text(0) != "ok") violations.add("file", std::string(row.text(0)));
  }
}

void check_references(const Connection& connection, Violations& violations) {
  Statement references(connection, "check the references", "PRAGMA foreign_key_check");
  Cursor row = references.query();
  while (row.next()) {
    violations.add("references", std::string(row.text(0)) + ", row " +
                                     (row.null(1) ? "?" : std::to_string(row.integer(1))) +
                                     ": what it refers to in " + std::string(row.text(2)) + " is missing");
  }
}

void check_version(const Connection& connection) {
  const int version = check_schema(connection, schema());
  if (version == migrations().back().number) return;
  if (version == 0) {
    throw StoreError("database " + connection.file().string() +
                     " has no tables: it is empty, or it was copied without the file beside it that ends in "
                     "-wal, which has what was written last. Copy it with `duet-store backup`, or stop the "
                     "store first and then copy all files whose names begin like the database's");
  }
  throw StoreError("database " + connection.file().string() + " has schema version " +
                   std::to_string(version) + ", not " + std::to_string(migrations().back().number) +
                   ": start a store with it once, which brings it up to date");
}

void count_rows(const Connection& connection, Verified& verified) {
  Statement counts(connection, "count what is there",
                   "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM conversations), (" +
                       std::string(kLastLogQuery) + ")");
  Cursor row = counts.query();
  if (!row.next()) return;
  verified.messages = row.number(0);
  verified.conversations = row.number(1);
  verified.last_log = row.number(2);
}

void read_offsets(const Connection& connection, Verified& verified) {
  Statement offsets(connection, "read the ingest offsets",
                    "SELECT node, n FROM ingest_offsets WHERE partition = ?1");
  Cursor row = offsets.query(kPartition);
  while (row.next()) {
    if (auto node = NodeId::parse(row.text(0))) verified.offsets.emplace(*std::move(node), row.number(1));
  }
}

}  // namespace

void verify_queries(const Connection& connection, Violations& violations) {
  for (const QueryLaw& law : kQueryLaws) {
    Statement statement(connection, "look for violations", law.query);
    Cursor row = statement.query();
    while (row.next()) {
      std::optional<ConversationKey> conversation;
      if (!row.null(0)) conversation = row.key<ConversationKey>(0);
      violations.add(law.law, {conversation, optional_at<Seq>(row, 1), optional_at<LogNumber>(row, 2)},
                     law.what);
    }
  }
}

void verify_names(const Connection& connection, Violations& violations) {
  const auto check_all = [&](const char* what, const char* query, auto is_valid) {
    Statement statement(connection, "read the names", query);
    Cursor row = statement.query();
    while (row.next()) {
      if (!is_valid(row)) violations.add("names", what + std::to_string(row.integer(0)));
    }
  };
  check_all("no name of a user: user ", "SELECT id, name FROM users",
            [](const Cursor& row) { return UserId::valid(row.text(1)); });
  check_all("no name of a device: of user ", "SELECT user_id, device FROM devices",
            [](const Cursor& row) { return DeviceId::valid(row.text(1)); });
  check_all("no name of a device: log number ", "SELECT log_number, device FROM device_receipts",
            [](const Cursor& row) { return DeviceId::valid(row.text(1)); });
  check_all("no node, or no record number: ingest offset ", "SELECT n, node FROM ingest_offsets",
            [](const Cursor& row) {
              return row.integer(0) >= 0 && NodeId::valid(row.text(1)) && row.text(1).size() == kNodeIdBytes;
            });
}

}  // namespace sqlite

Verified verify_sqlite(const std::filesystem::path& file, const VerifyOptions& options,
                       const std::function<void(const std::string& line)>& tell) {
  using sqlite::Connection;
  using sqlite::Violations;
  Connection connection(file, Connection::Mode::read_only);
  connection.execute("begin to read", "BEGIN");  // from here on, one state
  sqlite::check_version(connection);
  Violations violations(tell, options.max_told, options.names ? &connection : nullptr);
  Verified verified;
  // What cannot be read is a finding, and the other laws are worth a look all the same.
  const auto look = [&](const auto& check) {
    try {
      check();
    } catch (const StoreError& error) {
      violations.add("file", error.what());
    }
  };
  look([&] { sqlite::check_file(connection, violations); });
  look([&] { sqlite::check_references(connection, violations); });
  for (const auto part : {sqlite::verify_conversations, sqlite::verify_contents, sqlite::verify_ids,
                          sqlite::verify_queries, sqlite::verify_names}) {
    look([&] { part(connection, violations); });
  }
  look([&] { sqlite::count_rows(connection, verified); });
  look([&] { sqlite::read_offsets(connection, verified); });
  verified.violations = violations.count();
  return verified;
}

}  // namespace duet
