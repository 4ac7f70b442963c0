// Every law that a verification knows: a database that keeps it passes, and a deliberate damage is told.
#include "store_service/sqlite/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "store_service/sqlite/sqlite_store.h"
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class VerifySqlite : public testing::Test {
 protected:
  VerifySqlite() { fill(*open_sqlite(file(), {.recent_ids = 0})); }

  std::filesystem::path file() const { return directory_.path() / "duet.db"; }

  // Two conversations over more than two blocks of seqs, both with marks; ids in the index and not yet.
  static void fill(Database& database) {
    for (int i = 1; i <= 40; ++i) {
      const auto transaction = database.begin();
      const std::string id = "m" + std::to_string(i);
      transaction->append(message("alice", "bob", id, 1000 + i, "secret of alice"));
      transaction->append(message("bob", "alice", id, 1000 + i));
      transaction->append(message("alice", "carol", id, 1000 + i));
      transaction->commit();
    }
    const auto transaction = database.begin();
    transaction->raise_marks(user("bob"), user("alice"), {30, 21});
    transaction->raise_marks(user("alice"), user("bob"), {80, 80});
    transaction->raise_marks(user("carol"), user("alice"), {40, 40});
    transaction->block({user("carol"), user("bob")});
    transaction->touch_device({{user("alice"), device("phone")}, at(1), "fcm"}, 4);
    transaction->note_device_receipt({user("alice"), device("phone")}, user("bob"), {80, 79});
    transaction->mute(user("carol"), user("alice"), {at(1)});
    transaction->set_ingest_offset(node('a'), 0, 120);
    transaction->set_delivered_mark(120);
    transaction->commit();
  }

  // Past every guard that the schema has.
  void damage(const std::string& sql) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
    const std::string unguarded = "PRAGMA ignore_check_constraints = ON; " + sql;
    EXPECT_EQ(sqlite3_exec(handle, unguarded.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    EXPECT_GT(sqlite3_total_changes(handle), 0) << "nothing was damaged";
    sqlite3_close(handle);
  }

  Verified verify(const VerifyOptions& options = {}) {
    lines_.clear();
    return verify_sqlite(file(), options, [this](const std::string& line) { lines_.push_back(line); });
  }

  std::vector<std::string> lines_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(VerifySqlite, FindsNothingInASoundDatabase) {
  const Verified verified = verify();
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(verified.violations, 0U);
  EXPECT_EQ(verified.messages, 120U);
  EXPECT_EQ(verified.conversations, 2U);
  EXPECT_EQ(verified.last_log, 124U);
  EXPECT_EQ(verified.offsets, (std::map<NodeId, RecordNumber>{{node('a'), 120}}));
}

TEST_F(VerifySqlite, FindsNothingInARequestThatWaits) {
  {
    const auto database = open_sqlite(file());
    const auto transaction = database->begin();
    NewMessage asking = message("dave", "bob", "m1");
    asking.asks = true;
    transaction->append(asking);
    transaction->raise_marks(user("bob"), user("dave"), {1, 1});
    transaction->set_begun_full_at(user("dave"), at(5));
    transaction->commit();
  }
  EXPECT_EQ(verify().violations, 0U);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(VerifySqlite, ReadsBesideAWriter) {
  const auto database = open_sqlite(file());
  const auto transaction = database->begin();
  transaction->append(message("bob", "alice", "half"));
  EXPECT_EQ(verify().messages, 120U);
  transaction->commit();
  EXPECT_EQ(verify().messages, 121U);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(VerifySqlite, WhatIsNoDatabaseOfDuetIsRefused) {
  damage("DELETE FROM blocks; PRAGMA application_id = 1");
  EXPECT_THROW(verify(), StoreError);
  std::filesystem::remove(file());
  EXPECT_THROW(verify(), StoreError);
  EXPECT_FALSE(exists(file()));
}

TEST_F(VerifySqlite, TellsOfADamagedFile) {
  damage("DELETE FROM blocks");  // and the write-ahead log is copied back
  {
    std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(-4096, std::ios::end);
    stream << std::string(4096, '\xee');
  }
  EXPECT_GT(verify().violations, 0U);
  EXPECT_THAT(lines_, Contains(StartsWith("file: ")));
}

TEST_F(VerifySqlite, TellsSomeAndCountsAll) {
  damage("UPDATE messages SET sender_count = sender_count * 2");
  EXPECT_GT(verify({.max_told = 3}).violations, 100U);
  EXPECT_THAT(lines_, SizeIs(3));
}

TEST_F(VerifySqlite, NamesUsersOnlyWhenAsked) {
  damage("UPDATE messages SET ts = 1 WHERE seq = 5");
  verify();
  EXPECT_THAT(lines_, Contains(HasSubstr("conversation 1, seq 5, log number ")));
  EXPECT_THAT(lines_, Each(Not(HasSubstr("bob"))));
  verify({.names = true});
  EXPECT_THAT(lines_, Contains(HasSubstr("conversation 1 (alice, bob), seq 5")));
}

struct Damage {
  std::string name;
  std::string law;
  std::string sql;
};

std::ostream& operator<<(std::ostream& out, const Damage& damage) {
  return out << damage.name;
}

class VerifyLaw : public VerifySqlite, public testing::WithParamInterface<Damage> {};

TEST_P(VerifyLaw, BrokenIsTold) {
  damage(GetParam().sql);
  EXPECT_GT(verify().violations, 0U);
  EXPECT_THAT(lines_, Contains(StartsWith(GetParam().law + ": ")));
  EXPECT_THAT(lines_, Each(Not(HasSubstr("secret"))));
}

INSTANTIATE_TEST_SUITE_P(
    Each, VerifyLaw,
    testing::Values(
        Damage{"users_in_the_wrong_order", "owner",
               "UPDATE conversations SET user_a = user_b, user_b = user_a WHERE id = 1"},
        Damage{"a_user_is_missing", "references", "DELETE FROM users WHERE name = 'bob'"},
        Damage{"no_epoch", "meta", "UPDATE meta SET epoch = 'EPOCHEPOCHEPOCH!'"},
        Damage{"delivered_beyond_the_log", "meta", "UPDATE meta SET delivered_mark = 124"},
        Damage{"indexed_beyond_the_log", "meta", "UPDATE meta SET ids_indexed = 124"},
        Damage{"a_users_name", "names", "UPDATE users SET name = 'a/b' WHERE name = 'bob'"},
        Damage{"a_devices_name", "names", "UPDATE devices SET device = 'a:b'"},
        Damage{"a_nodes_name", "names", "UPDATE ingest_offsets SET node = 'short'"},
        Damage{"a_message_id", "names", "UPDATE messages SET message_id = '' WHERE log_number = 3"},
        Damage{"a_body_with_nul", "content",
               "UPDATE messages SET body = 'secret' || char(0) WHERE log_number = 4"},
        Damage{"a_body_not_utf8", "content",
               "UPDATE messages SET body = CAST(x'ff7365637265' AS TEXT) WHERE log_number = 4"},
        Damage{"an_empty_type", "content", "UPDATE messages SET type = '' WHERE log_number = 4"},
        Damage{"messages_without_conversation", "owner", "DELETE FROM conversations WHERE id = 1"},
        Damage{"messages_after_the_last_conversation", "owner", "DELETE FROM conversations WHERE id = 2"},
        Damage{"a_block_without_conversation", "owner",
               "UPDATE seq_blocks SET conversation_id = 9 WHERE conversation_id = 2"},
        Damage{"a_receipt_without_conversation", "owner", "INSERT INTO receipts VALUES (200, 9, 0)"},
        Damage{"a_device_receipt_without_conversation", "owner",
               "UPDATE device_receipts SET conversation_id = 9"},
        Damage{"a_third_side_of_a_device_receipt", "owner", "UPDATE device_receipts SET side = 2"},
        Damage{"a_device_receipt_beyond_the_last", "marks", "UPDATE device_receipts SET delivered = 81"},
        Damage{"a_device_that_read_more_than_it_has", "marks", "UPDATE device_receipts SET read = 81"},
        Damage{"a_device_receipt_with_a_messages_number", "log", "UPDATE device_receipts SET log_number = 7"},
        Damage{"a_device_receipt_with_a_receipts_number", "log",
               "UPDATE device_receipts SET log_number = 123"},
        Damage{"a_device_receipt_before_the_log", "log", "UPDATE device_receipts SET log_number = 0"},
        Damage{"a_device_receipts_device", "names", "UPDATE device_receipts SET device = 'a:b'"},
        Damage{"a_mute_without_conversation", "owner", "UPDATE mutes SET conversation_id = 9"},
        Damage{"a_third_side_of_a_mute", "owner", "UPDATE mutes SET side = 2"},
        Damage{"a_hole", "seq", "DELETE FROM messages WHERE log_number = 30"},
        Damage{"the_last_is_missing", "seq", "DELETE FROM messages WHERE log_number = 120"},
        Damage{"a_seq_twice", "seq", "UPDATE messages SET seq = 4 WHERE conversation_id = 1 AND seq = 5"},
        Damage{"seq_against_log_order", "seq",
               "UPDATE messages SET seq = 11 - seq WHERE conversation_id = 1 AND seq IN (5, 6)"},
        Damage{"a_conversation_without_messages", "seq",
               "INSERT INTO users (id, name) VALUES (8, 'h'), (9, 'i'); INSERT INTO conversations VALUES "
               "(9, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, x'', NULL)"},
        Damage{"time_goes_back", "time", "UPDATE messages SET ts = 1 WHERE conversation_id = 1 AND seq = 5"},
        Damage{"the_last_time", "time", "UPDATE conversations SET last_ts = last_ts + 1"},
        Damage{"a_senders_count", "counts", "UPDATE messages SET sender_count = 9 WHERE log_number = 7"},
        Damage{"a_third_sender", "counts", "UPDATE messages SET sender = 2 WHERE log_number = 7"},
        Damage{"all_sent_by_the_other", "counts",
               "UPDATE conversations SET a_sent = 39, b_sent = 41 WHERE id = 1"},
        Damage{"read_too_much", "counts", "UPDATE conversations SET b_seen = b_seen + 1 WHERE id = 1"},
        Damage{"a_missing_block", "index", "DELETE FROM seq_blocks WHERE conversation_id = 1 AND block = 1"},
        Damage{"a_wrong_block", "index",
               "UPDATE seq_blocks SET logs = zeroblob(128) WHERE conversation_id = 1 AND block = 1"},
        Damage{"a_block_too_many", "index", "INSERT INTO seq_blocks VALUES (1, 77, zeroblob(128))"},
        Damage{"a_wrong_tail", "index", "UPDATE conversations SET tail = zeroblob(64) WHERE id = 2"},
        Damage{"the_last_log_number", "index", "UPDATE conversations SET last_log = 5 WHERE id = 2"},
        Damage{"a_message_id_twice", "once",
               "UPDATE messages SET message_id = 'm1' WHERE conversation_id = 1 AND seq = 7"},
        Damage{"an_id_that_is_not_indexed", "ids",
               "DELETE FROM message_ids WHERE log_number = (SELECT min(log_number) FROM message_ids)"},
        Damage{"an_id_with_another_hash", "ids", "UPDATE message_ids SET id_hash = 5 WHERE log_number = 10"},
        Damage{"an_indexed_message_that_is_not_there", "ids", "INSERT INTO message_ids VALUES (5, 500)"},
        Damage{"read_beyond_delivered", "marks", "UPDATE conversations SET b_delivered = 20 WHERE id = 1"},
        Damage{"delivered_beyond_the_last", "marks",
               "UPDATE conversations SET b_delivered = 81 WHERE id = 1"},
        Damage{"waits_for_one_who_has_answered", "consent",
               "UPDATE conversations SET awaits = 1 WHERE id = 1"},
        Damage{"waits_for_a_third_side", "consent", "UPDATE conversations SET awaits = 2 WHERE id = 1"},
        Damage{"a_bucket_of_nobody", "references", "INSERT INTO begun VALUES (77, 5)"},
        Damage{"a_receipt_is_missing", "receipts", "DELETE FROM receipts WHERE side = 0"},
        Damage{"the_other_sides_receipt_is_missing", "receipts", "DELETE FROM receipts WHERE side = 1"},
        Damage{"an_old_receipt_stays", "receipts", "INSERT INTO receipts VALUES (200, 1, 1)"},
        Damage{"marks_without_receipt", "receipts",
               "UPDATE conversations SET b_receipt_log = 0 WHERE id = 1; DELETE FROM receipts"},
        Damage{"a_log_number_twice", "log",
               "UPDATE receipts SET log_number = 50 WHERE conversation_id = 1 AND side = 0"},
        Damage{"a_log_number_below_one", "log", "UPDATE messages SET log_number = 0 WHERE log_number = 1"}),
    [](const auto& damage) { return damage.param.name; });

}  // namespace
}  // namespace duet
