// The parts of the SQLite store that have laws of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store_service/sqlite/id_index.h"
#include "store_service/sqlite/lru_cache.h"
#include "store_service/sqlite/page_builder.h"
#include "store_service/sqlite/sip_hash.h"
#include "store_service/sqlite/sqlite_store.h"
#include "tests/contract/contract.h"

namespace duet {
namespace {

using sqlite::Connection;
using sqlite::IdIndex;
using sqlite::LruCache;
using sqlite::PageBuilder;
using testing::ElementsAre;
using testing::IsEmpty;

// Vectors of the reference implementation: key 00 01 … 0f, input 00 01 … (size - 1).
TEST(SipHash, AgreesWithTheReference) {
  const sqlite::SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string input;
  for (char c = 0; c < 15; ++c) input.push_back(c);
  EXPECT_EQ(sip_hash(key, ""), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(sip_hash(key, input.substr(0, 1)), 0x74f839c593dc67fdU);
  EXPECT_EQ(sip_hash(key, input.substr(0, 8)), 0x93f5f5799a932462U);
  EXPECT_EQ(sip_hash(key, input), 0xa129ca6149be45e5U);
}

TEST(LruCache, ForgetsWhatWasUsedLongestAgo) {
  LruCache<int, int> cache(2);
  cache.insert(1, 10);
  cache.insert(2, 20);
  EXPECT_NE(cache.find(1), nullptr);
  cache.insert(3, 30);
  EXPECT_NE(cache.find(2), nullptr);  // not before trim
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_NE(cache.find(3), nullptr);
  cache.trim();
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_EQ(*cache.find(1), 10);
  cache.erase(1);
  EXPECT_EQ(cache.find(1), nullptr);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(PageBuilder, EndsAtTheLimitOrBeforeTooManyBytes) {
  PageBuilder<int> by_count(2, 100);
  EXPECT_TRUE(by_count.add(1, 10));
  EXPECT_TRUE(by_count.add(2, 10));
  EXPECT_FALSE(by_count.add(3, 10));
  EXPECT_TRUE(by_count.take().more);

  PageBuilder<int> by_bytes(10, 100);
  EXPECT_TRUE(by_bytes.add(1, 60));
  EXPECT_TRUE(by_bytes.add(2, 40));
  EXPECT_FALSE(by_bytes.add(3, 1));
  EXPECT_THAT(by_bytes.take().items, ElementsAre(1, 2));

  PageBuilder<int> one_large(10, 100);
  EXPECT_TRUE(one_large.add(1, 101));
  EXPECT_FALSE(one_large.add(2, 0) && one_large.add(3, 1));
}

TEST(SqliteOptions, EachCacheHasItsShare) {
  const SqliteOptions defaults;
  const SqliteOptions same = with_caches_of(kDefaultCacheMib);
  EXPECT_EQ(same.writer_cache_kib, defaults.writer_cache_kib);
  EXPECT_EQ(same.reader_cache_kib, defaults.reader_cache_kib);
  EXPECT_EQ(same.conversations, defaults.conversations);
  EXPECT_EQ(same.users, defaults.users);
  EXPECT_EQ(same.recent_ids, defaults.recent_ids);

  const SqliteOptions tenth = with_caches_of(kDefaultCacheMib / 10);
  EXPECT_EQ(tenth.writer_cache_kib, 6553);
  EXPECT_EQ(tenth.reader_cache_kib, 819);
  EXPECT_EQ(tenth.conversations, 6553U);
  EXPECT_EQ(tenth.users, 13'107U);
  EXPECT_EQ(tenth.recent_ids, 26'214U);
  EXPECT_EQ(with_caches_of(65'536).writer_cache_kib, 26'843'545);
}

class IdIndexTest : public testing::Test {
 protected:
  IdIndexTest() : file_(directory_.path() / "duet.db"), made_(open_sqlite(file_)) {
    made_.reset();
    connection_.emplace(file_, Connection::Mode::read_write);
    connection_->execute("test", "PRAGMA synchronous = OFF");  // many commits, none of which matters
  }

  // Adds and commits; the hash is spread over the buckets by the caller.
  void add(IdIndex& index, std::uint64_t hash, LogNumber log_number) {
    connection_->execute("test", "BEGIN");
    index.add(hash, log_number);
    index.flush();
    connection_->execute("test", "COMMIT");
    index.committed();
  }

  static std::uint64_t spread(std::uint64_t i) { return i * 0x9e3779b97f4a7c15; }

  std::int64_t number(std::string_view sql) {
    sqlite::Statement statement(*connection_, "test", sql);
    sqlite::Cursor row = statement.query();
    return row.next() ? row.integer(0) : -1;
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_;
  std::unique_ptr<Database> made_;
  std::optional<Connection> connection_;
};

TEST_F(IdIndexTest, FindsWhatIsInMemoryAndWhatWasMoved) {
  IdIndex index(*connection_, 100);
  for (std::uint64_t i = 1; i <= 10000; ++i) add(index, spread(i), i);
  EXPECT_LE(index.in_memory(), 110U);
  EXPECT_GE(number("SELECT count(*) FROM message_ids"), 9890);
  for (std::uint64_t i = 1; i <= 10000; ++i) ASSERT_THAT(index.find(spread(i)), ElementsAre(i));
  EXPECT_THAT(index.find(spread(10001)), IsEmpty());
}

TEST_F(IdIndexTest, KeepsSeveralMessagesWithOneHash) {
  IdIndex index(*connection_, 2);
  for (LogNumber log_number = 1; log_number <= 5; ++log_number) add(index, 7, log_number);
  EXPECT_THAT(index.find(7), testing::UnorderedElementsAre(1, 2, 3, 4, 5));
}

TEST_F(IdIndexTest, ForgetsWhatWasRolledBack) {
  IdIndex index(*connection_, 10);
  for (std::uint64_t i = 1; i <= 500; ++i) add(index, spread(i), i);
  const std::size_t in_memory = index.in_memory();
  connection_->execute("test", "BEGIN");
  for (std::uint64_t i = 501; i <= 9000; ++i) index.add(spread(i), i);
  index.flush();
  connection_->execute("test", "ROLLBACK");
  index.rolled_back();
  EXPECT_EQ(index.in_memory(), in_memory);
  for (std::uint64_t i = 1; i <= 500; ++i) ASSERT_THAT(index.find(spread(i)), ElementsAre(i));
  EXPECT_THAT(index.find(spread(501)), IsEmpty());
}

// The mark must never run ahead of the table, also when numbers were given back by a rollback.
TEST_F(IdIndexTest, TheMarkOnlyCoversWhatIsInTheTable) {
  IdIndex index(*connection_, 16);
  LogNumber log_number = 0;
  for (int round = 0; round < 3000; ++round) {
    if (round % 3 == 0) {
      connection_->execute("test", "BEGIN");
      for (LogNumber lost = log_number + 1; lost <= log_number + 50; ++lost)
        index.add(spread(lost + 77777), lost);
      index.flush();
      connection_->execute("test", "ROLLBACK");
      index.rolled_back();
    }
    ++log_number;
    add(index, spread(log_number), log_number);
  }
  const auto mark = number("SELECT ids_indexed FROM meta");
  EXPECT_GT(mark, 0);
  EXPECT_EQ(number("SELECT count(*) FROM message_ids WHERE log_number <= (SELECT ids_indexed FROM meta)"),
            mark);
}

}  // namespace
}  // namespace duet
