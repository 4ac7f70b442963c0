// tests/unit/store_service/database.h: a store of its own for each test, and one that can fail.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "store_service/cursor.h"
#include "store_service/ingest.h"
#include "store_service/sqlite/sqlite_store.h"
#include "store_service/store.h"
#include "tests/unit/store_service/fixtures.h"

namespace duet {

// Passes everything on, and fails on demand.
class FlakyDatabase final : public Database {
 public:
  explicit FlakyDatabase(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  const std::string& epoch() const override { return database_->epoch(); }
  std::unique_ptr<WriteTransaction> begin() override {
    ++attempts_;
    if (failing_) throw StoreError("begin: the disk is full");
    return database_->begin();
  }
  std::unique_ptr<StoreReader> reader() override { return database_->reader(); }

  void fail(bool failing) { failing_ = failing; }
  int attempts() const { return attempts_; }

 private:
  const std::unique_ptr<Database> database_;
  std::atomic<bool> failing_{false};
  std::atomic<int> attempts_{0};
};

struct TemporaryStore {
  TemporaryDirectory directory;
  FlakyDatabase database{open_sqlite(directory.path() / "duet.db")};

  StrangerRules strangers;  // no limits, and no consent

  std::string cursor(LogNumber n) const { return format_cursor(database.epoch(), n); }

  // Stores frames as the writer would.
  Ingested commit(const std::vector<IngestFrame>& frames, const PayloadLimits& limits = {}) {
    const auto transaction = database.begin();
    auto done = ingest(*transaction, frames, {database.epoch(), limits, 0, strangers});
    transaction->commit();
    return done;
  }

  // One frame of records, numbered on from the last ones.
  Ingested store(std::vector<Record> records) {
    const RecordNumber previous = last_;
    for (auto& record : records) record.n = ++last_;
    return commit({{node(), previous, std::move(records)}});
  }
  Ingested store_message(std::string_view from, std::string_view to, const std::string& id,
                         const std::string& body = "hi") {
    return store({message_record(0, from, to, R"({"id":")" + id + R"(","body":")" + body + R"("})")});
  }
  Ingested store_receipt(std::string_view from, std::string_view to, const std::string& payload) {
    return store({receipt_record(0, from, to, payload)});
  }
  void accept(std::string_view me, std::string_view peer) {
    const auto transaction = database.begin();
    transaction->accept(user(me), user(peer));
    transaction->commit();
  }
  void block(std::string_view blocker, std::string_view blocked) {
    const auto transaction = database.begin();
    transaction->block({user(blocker), user(blocked)});
    transaction->commit();
  }
  // user0, user1, …
  void block_many(std::string_view blocker, std::size_t count) {
    const auto transaction = database.begin();
    for (std::size_t i = 0; i < count; ++i) {
      transaction->block({user(blocker), user("user" + std::to_string(i))});
    }
    transaction->commit();
  }

 private:
  RecordNumber last_ = 0;
};

}  // namespace duet
