// Random transactions, some rolled back, against the model; every read is compared.
#include "tests/contract/model.h"

#include <random>

#include "tests/contract/contract.h"

namespace duet {
namespace {

class AgainstModel : public StoreContract {
 protected:
  void seed(unsigned number) { random_.seed(number); }
  std::uint64_t up_to(std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(random_);
  }
  UserId any_user() { return user(std::string(1, static_cast<char>('a' + up_to(4)))); }

  void transact() {
    Model model = model_;
    {
      const auto transaction = database().begin();
      for (std::uint64_t i = up_to(12); i > 0; --i) step(*transaction, model);
      if (up_to(3) == 0) return;
      transaction->commit();
    }
    model_ = std::move(model);
  }

  void compare() {
    const auto read = reader();
    const UserId me = any_user();
    const UserId peer = any_user();
    EXPECT_EQ(read->last_log_number(), model_.last_log_number());
    compare_history(*read, me, peer);
    compare_conversations(*read, me);
    compare_changes(*read, me);
    compare_undelivered(*read);
  }

 private:
  void step(WriteTransaction& transaction, Model& model) {
    const UserId me = any_user();
    UserId peer = any_user();
    if (me == peer) return;
    if (up_to(3) == 0) {
      const Marks marks{up_to(60), up_to(60)};
      const RaisedMarks raised = transaction.raise_marks(me, peer, marks);
      const RaisedMarks expected = model.raise_marks(me, peer, marks);
      ASSERT_EQ(raised.outcome, expected.outcome);
      ASSERT_EQ(raised.marks, expected.marks);
      ASSERT_EQ(raised.log_number, expected.log_number);
      return;
    }
    const NewMessage message{me,
                             peer,
                             message_id("id" + std::to_string(up_to(150))),
                             at(static_cast<std::int64_t>(up_to(5000))),
                             up_to(4) == 0 ? "text/x" : "text/plain",
                             std::string(up_to(40), 'x')};
    const Appended appended = transaction.append(message);
    const Appended expected = model.append(message);
    ASSERT_EQ(appended.duplicate, expected.duplicate);
    ASSERT_EQ(appended.message.envelope, expected.message.envelope);
    ASSERT_EQ(appended.message.log_number, expected.message.log_number);
  }

  void compare_history(StoreReader& read, const UserId& me, const UserId& peer) {
    const auto all = me == peer ? std::vector<Envelope>{} : model_.history(me, peer);
    const std::size_t after = up_to(all.size());
    const std::size_t limit = 1 + up_to(20);
    const auto up = read.history(me, peer, {}, after, limit, kNoByteLimit);
    const std::size_t expected = std::min(limit, all.size() - after);
    EXPECT_TRUE(std::equal(up.items.begin(), up.items.end(), all.begin() + static_cast<std::ptrdiff_t>(after),
                           all.begin() + static_cast<std::ptrdiff_t>(after + expected)));
    EXPECT_EQ(up.more, after + expected < all.size());
  }

  void compare_conversations(StoreReader& read, const UserId& me) {
    const auto expected = model_.conversations(me);
    const auto page = read.conversations(me, {}, 100, kNoByteLimit);
    ASSERT_EQ(page.items.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(page.items[i].last_log_number, expected[i].last_log_number);
      EXPECT_EQ(page.items[i].summary.last, expected[i].summary.last);
      EXPECT_EQ(page.items[i].summary.unread, expected[i].summary.unread);
      EXPECT_EQ(page.items[i].summary.mine, expected[i].summary.mine);
      EXPECT_EQ(page.items[i].summary.theirs, expected[i].summary.theirs);
    }
  }

  void compare_changes(StoreReader& read, const UserId& me) {
    const LogNumber after = up_to(model_.last_log_number());
    const std::size_t limit = 1 + up_to(60);
    const auto expected = model_.changes(me, after);
    const auto page = read.changes(me, after, limit, kNoByteLimit);
    ASSERT_EQ(page.items.size(), std::min(limit, expected.size()));
    EXPECT_EQ(page.more, page.items.size() < expected.size());
    for (std::size_t i = 0; i < page.items.size(); ++i) {
      EXPECT_EQ(page.items[i].log_number, expected[i].log_number);
      EXPECT_EQ(page.items[i].peer, expected[i].peer);
      EXPECT_EQ(page.items[i].kind, expected[i].kind);
      EXPECT_EQ(page.items[i].content, expected[i].content);
    }
  }

  void compare_undelivered(StoreReader& read) {
    const LogNumber after = up_to(model_.last_log_number());
    const std::size_t limit = 1 + up_to(60);
    const auto expected = model_.log(after);
    const auto found = read.undelivered(after, limit);
    ASSERT_EQ(found.size(), std::min(limit, expected.size()));
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].log_number, expected[i].first);
      EXPECT_EQ(found[i].content, expected[i].second);
    }
  }

  std::mt19937 random_;
  Model model_;
};

INSTANTIATE_TEST_SUITE_P(Random, AgainstModel, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(AgainstModel, RandomTransactionsAgree) {
  for (const unsigned number : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(number));
    seed(number);
    for (int round = 0; round < 80 && !HasFailure(); ++round) {
      transact();
      compare();
      if (round % 20 == 19) reopen();
    }
  }
}

}  // namespace
}  // namespace duet
