// tests/contract/contract.h: the fixture of the suite that every store passes.
//
// A backend opens a database in a directory of the test's own; the same directory gives the same database.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store_service/store.h"

namespace duet {

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Database>(const std::filesystem::path& directory)> open;
};
// Every store there is, some in several sizes.
std::vector<Backend> backends();

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Names and messages of the tests, from literals that are in the grammar.
UserId user(std::string_view name);
DeviceId device(std::string_view name);
MessageId message_id(std::string_view id);
NodeId node(char digit);  // the digit sixteen times
Timestamp at(std::int64_t ms);
NewMessage message(std::string_view from, std::string_view to, std::string_view id, std::int64_t ms = 1000,
                   std::string body = "hello");

constexpr std::size_t kNoByteLimit = std::size_t{1} << 30;

class StoreContract : public testing::TestWithParam<Backend> {
 protected:
  StoreContract() : database_(GetParam().open(directory_.path())) {}

  Database& database() { return *database_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  void close() { database_.reset(); }
  void open() { database_ = GetParam().open(directory_.path()); }
  void reopen() {
    close();
    open();
  }

  // Each in a transaction of its own.
  Appended append(const NewMessage& message);
  RaisedMarks raise(std::string_view by, std::string_view peer, Marks marks);
  void block(std::string_view blocker, std::string_view blocked);

  // `count` messages from one to the other, with ids m1, m2 …
  void append_many(std::string_view from, std::string_view to, int count);

  std::unique_ptr<StoreReader> reader() { return database_->reader(); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

// What stands in the pages, for EXPECT_THAT.
std::vector<Seq> seqs(const Page<Envelope>& page);
std::vector<std::string> bodies(const Page<Envelope>& page);

}  // namespace duet
