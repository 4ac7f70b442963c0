// Readers beside the writer: they never wait for it, and each call sees one state.
#include <array>
#include <atomic>
#include <thread>

#include "tests/contract/contract.h"

namespace duet {
namespace {

class Concurrency : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(Threads, Concurrency, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

// Follows alice's log while it grows, and checks what must hold in every state.
void follow(Database& database, LogNumber goal) {
  const auto read = database.reader();
  LogNumber cursor = 0;
  Seq last_seq = 0;
  while (cursor < goal) {
    const auto page = read->changes(user("alice"), cursor, 7, kNoByteLimit);
    for (const Change& change : page.items) {
      ASSERT_GT(change.log_number, cursor);
      cursor = change.log_number;
      const auto* envelope = std::get_if<Envelope>(&change.content);
      if (envelope != nullptr && change.peer == user("bob")) {
        ASSERT_EQ(envelope->seq, last_seq + 1);
        last_seq = envelope->seq;
      }
    }
    const auto history = read->history(user("bob"), user("alice"), {}, {}, 20, kNoByteLimit);
    for (std::size_t i = 1; i < history.items.size(); ++i) {
      ASSERT_EQ(history.items[i].seq, history.items[i - 1].seq + 1);
    }
    const auto list = read->conversations(user("alice"), {}, 5, kNoByteLimit);
    for (const auto& item : list.items) ASSERT_LE(item.summary.mine.read, item.summary.last.seq);
  }
}

TEST_P(Concurrency, ReadersFollowTheWriter) {
  constexpr int kTransactions = 60;
  constexpr int kMessages = 10;
  // The receipts come before the last message of their transaction, so the last log number is a message's.
  constexpr LogNumber kGoal = LogNumber{kTransactions} * (kMessages + 1);
  std::array<std::jthread, 2> readers;
  for (auto& reader : readers) reader = std::jthread([this] { follow(database(), kGoal); });
  for (int t = 0; t < kTransactions; ++t) {
    const auto transaction = database().begin();
    for (int i = 0; i < kMessages; ++i) {
      const std::string id = std::to_string(t) + "-" + std::to_string(i);
      if (i + 1 == kMessages) {
        const Seq seq = static_cast<Seq>(t + 1) * 5 - 2;
        transaction->raise_marks(user("alice"), user("bob"), {seq, seq});
      }
      transaction->append(message(i % 2 == 0 ? "bob" : "carol", "alice", id));
    }
    transaction->commit();
  }
}

}  // namespace
}  // namespace duet
