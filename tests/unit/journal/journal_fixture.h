// tests/unit/journal/journal_fixture.h: a journal in a temporary directory, and what it holds.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"
#include "tests/unit/temporary_directory.h"

namespace duet {

inline constexpr RecordNumber kJump = RecordNumber{1} << 32;

inline RecordView message(std::string_view payload) {
  return {0, Timestamp(std::chrono::milliseconds(1)), RecordKind::message, "alice", "phone", "bob", payload};
}

inline std::vector<RecordNumber> numbers_in(const JournalBatch& batch) {
  std::vector<RecordNumber> numbers;
  std::string_view rest = batch.records;
  while (const auto record = decode_record(rest)) {
    numbers.push_back(record->record.n);
    rest.remove_prefix(record->bytes);
  }
  return numbers;
}

// Every record from `n` on, as a feeder reads them.
inline std::vector<RecordNumber> read_from(Journal& journal, RecordNumber n,
                                           std::size_t max_bytes = kMaxIngestFrameBytes) {
  std::vector<RecordNumber> all;
  auto position = journal.seek(n);
  while (true) {
    const auto batch = journal.read(position, max_bytes);
    if (batch.count == 0) return all;
    for (const auto number : numbers_in(batch)) all.push_back(number);
    position = batch.next;
  }
}

class JournalTest : public testing::Test {
 protected:
  Journal open() { return Journal(options_); }
  Journal open_after_boot() {
    options_.boot_id += '+';
    return Journal(options_);
  }
  static void append(Journal& journal, int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(journal.append(message("{\"body\":\"x\"}")));
  }
  std::filesystem::path segment(RecordNumber first) const {
    return options_.directory / segment_file_name(first);
  }
  void alter_byte(RecordNumber first, std::size_t offset) const {
    auto bytes = read_file(segment(first));
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 1);
    write_file_atomically(segment(first), bytes);
  }
  std::string failure_of_opening() {
    try {
      open();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "";
  }

 private:
  TemporaryDirectory temporary_;

 protected:
  JournalOptions options_{.directory = temporary_.path() / "journal" / "0", .boot_id = "boot"};
};

}  // namespace duet
