// Requests: conversations that wait for somebody's consent, what is withheld meanwhile, and the stored
// bucket.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Consenting : public StoreContract {
 protected:
  Appended ask(std::string_view from, std::string_view to, std::string_view id) {
    NewMessage asking = message(from, to, id);
    asking.asks = true;
    return append(asking);
  }
  Accepted accept(std::string_view me, std::string_view peer) {
    const auto transaction = database().begin();
    const Accepted accepted = transaction->accept(user(me), user(peer));
    transaction->commit();
    return accepted;
  }
  Standing standing(std::string_view me, std::string_view peer) {
    return database().begin()->standing(user(me), user(peer));
  }
  std::optional<Consent> consent(std::string_view me, std::string_view peer) {
    return reader()->consent(user(me), user(peer));
  }
  // "bob 2/1", for every receipt in the user's log.
  std::vector<std::string> receipts(std::string_view name, LogNumber after = 0) {
    std::vector<std::string> found;
    for (const auto& change : reader()->changes(user(name), after, 1000, kNoByteLimit).items) {
      const auto* receipt = std::get_if<Receipt>(&change.content);
      if (receipt == nullptr) continue;
      found.push_back(receipt->by.str() + " " + std::to_string(receipt->delivered) + "/" +
                      std::to_string(receipt->read));
    }
    return found;
  }
  ConversationSummary summary(std::string_view name) {
    return reader()->conversations(user(name), {}, 10, kNoByteLimit).items.at(0).summary;
  }
};

INSTANTIATE_TEST_SUITE_P(Keeping, Consenting, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Consenting, AConversationThatNobodyAskedForHasIt) {
  EXPECT_FALSE(standing("alice", "bob").exists);
  EXPECT_EQ(consent("alice", "bob"), std::nullopt);
  append(message("alice", "bob", "m1"));
  ask("alice", "bob", "m2");  // it is begun already
  EXPECT_EQ(standing("alice", "bob").consent, Consent::given);
  EXPECT_EQ(consent("bob", "alice"), Consent::given);
  EXPECT_FALSE(summary("bob").request);
  EXPECT_EQ(accept("bob", "alice").outcome, Accepted::Outcome::unchanged);
}

TEST_P(Consenting, ARequestWaitsForTheRecipientAlsoAfterReopening) {
  ask("alice", "bob", "m1");
  ask("alice", "bob", "m2");
  for (int i = 0; i < 2; ++i) {
    const Standing alice = standing("alice", "bob");
    EXPECT_TRUE(alice.exists);
    EXPECT_EQ(alice.consent, Consent::waits_for_peer);
    EXPECT_EQ(alice.sent, 2U);
    EXPECT_EQ(standing("bob", "alice").consent, Consent::waits_for_me);
    EXPECT_EQ(consent("alice", "bob"), Consent::waits_for_peer);
    EXPECT_EQ(consent("bob", "alice"), Consent::waits_for_me);
    EXPECT_TRUE(summary("bob").request);
    EXPECT_FALSE(summary("alice").request);
    reopen();
  }
}

TEST_P(Consenting, TheSideWithTheLaterNameAsksAsWell) {
  append(message("alice", "carol", "m1"));  // so that alice has the smaller key
  ask("bob", "alice", "m1");
  EXPECT_EQ(consent("bob", "alice"), Consent::waits_for_peer);
  EXPECT_EQ(consent("alice", "bob"), Consent::waits_for_me);
  EXPECT_EQ(accept("alice", "bob").outcome, Accepted::Outcome::accepted);
  EXPECT_EQ(consent("bob", "alice"), Consent::given);
}

TEST_P(Consenting, WhoAsksIsToldNothingOfTheOthersMarks) {
  ask("alice", "bob", "m1");
  const RaisedMarks raised = raise("bob", "alice", {1, 1});
  EXPECT_EQ(raised.outcome, RaisedMarks::Outcome::raised);
  EXPECT_TRUE(raised.withheld);
  EXPECT_THAT(receipts("alice"), IsEmpty());
  EXPECT_THAT(receipts("bob"), ElementsAre("bob 1/1"));
  EXPECT_EQ(summary("alice").theirs, Marks());
  EXPECT_EQ(summary("bob").mine, (Marks{1, 1}));

  EXPECT_FALSE(raise("alice", "bob", {1, 0}).withheld);  // that is no secret of bob's
  EXPECT_THAT(receipts("bob"), ElementsAre("bob 1/1", "alice 1/0"));

  for (const auto& again : reader()->undelivered(0, 10)) {
    const auto* receipt = std::get_if<Receipt>(&again.content);
    EXPECT_EQ(again.withheld, receipt != nullptr && receipt->by == user("bob"));
  }
}

TEST_P(Consenting, AcceptingTellsTheMarksAsTheyStandBeyondAnyCursor) {
  ask("alice", "bob", "m1");
  raise("bob", "alice", {1, 1});
  const LogNumber seen = reader()->last_log_number();

  const Accepted accepted = accept("bob", "alice");

  EXPECT_EQ(accepted.outcome, Accepted::Outcome::accepted);
  ASSERT_TRUE(accepted.released);
  EXPECT_EQ(accepted.released->marks, (Marks{1, 1}));
  EXPECT_GT(accepted.released->log_number, seen);
  EXPECT_THAT(receipts("alice", seen), ElementsAre("bob 1/1"));
  EXPECT_THAT(receipts("bob"), ElementsAre("bob 1/1"));
  EXPECT_EQ(summary("alice").theirs, (Marks{1, 1}));
  EXPECT_FALSE(summary("bob").request);
  EXPECT_FALSE(reader()->undelivered(seen, 10).at(0).withheld);
  reopen();
  EXPECT_EQ(consent("alice", "bob"), Consent::given);
  EXPECT_EQ(accept("bob", "alice").outcome, Accepted::Outcome::unchanged);
  EXPECT_FALSE(raise("bob", "alice", {1, 1}).withheld);
}

TEST_P(Consenting, AnAnswerAccepts) {
  ask("alice", "bob", "m1");
  raise("bob", "alice", {1, 0});
  const Appended answer = ask("bob", "alice", "b1");  // the option is on for bob too: it is no request of his
  ASSERT_TRUE(answer.released);
  EXPECT_EQ(answer.released->marks, (Marks{1, 0}));
  EXPECT_GT(answer.released->log_number, answer.message.log_number);
  EXPECT_THAT(receipts("alice"), ElementsAre("bob 1/0"));
  EXPECT_EQ(consent("alice", "bob"), Consent::given);
  EXPECT_EQ(append(message("bob", "alice", "b2")).released, std::nullopt);
}

TEST_P(Consenting, WithoutMarksThereIsNothingToTell) {
  ask("alice", "bob", "m1");
  EXPECT_EQ(accept("bob", "alice").released, std::nullopt);
  ask("carol", "bob", "m1");
  EXPECT_EQ(append(message("bob", "carol", "b1")).released, std::nullopt);
}

TEST_P(Consenting, NobodyAcceptsWhatIsNotForHim) {
  EXPECT_EQ(accept("bob", "alice").outcome, Accepted::Outcome::not_found);
  ask("alice", "bob", "m1");
  EXPECT_EQ(accept("alice", "bob").outcome, Accepted::Outcome::not_found);
  EXPECT_EQ(accept("carol", "bob").outcome, Accepted::Outcome::not_found);
  EXPECT_EQ(consent("alice", "bob"), Consent::waits_for_peer);
}

TEST_P(Consenting, WithinATransactionAndRolledBack) {
  {
    const auto transaction = database().begin();
    NewMessage asking = message("alice", "bob", "m1");
    asking.asks = true;
    transaction->append(asking);
    EXPECT_EQ(transaction->standing(user("alice"), user("bob")).consent, Consent::waits_for_peer);
    transaction->accept(user("bob"), user("alice"));
    EXPECT_EQ(transaction->standing(user("alice"), user("bob")).consent, Consent::given);
  }
  EXPECT_FALSE(standing("alice", "bob").exists);
  ask("alice", "bob", "m1");
  { database().begin()->accept(user("bob"), user("alice")); }
  EXPECT_EQ(standing("alice", "bob").consent, Consent::waits_for_peer);
}

TEST_P(Consenting, AllAreAcceptedAtOnce) {
  for (const char* from : {"alice", "carol", "dave"}) ask(from, "bob", "m1");
  raise("bob", "carol", {1, 1});
  std::vector<std::size_t> counts;
  do {
    const auto transaction = database().begin();
    counts.push_back(transaction->accept_any(2));
    transaction->commit();
  } while (counts.back() == 2);
  EXPECT_THAT(counts, ElementsAre(2, 1));
  for (const char* from : {"alice", "carol", "dave"}) EXPECT_EQ(consent(from, "bob"), Consent::given);
  EXPECT_THAT(receipts("carol"), ElementsAre("bob 1/1"));
}

TEST_P(Consenting, FindsAMessageByItsId) {
  const Appended stored = append(message("alice", "bob", "m1", 1000, "first"));
  const auto transaction = database().begin();
  const auto found = transaction->find(user("alice"), user("bob"), message_id("m1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->envelope, stored.message.envelope);
  EXPECT_EQ(found->log_number, stored.message.log_number);
  EXPECT_FALSE(transaction->find(user("bob"), user("alice"), message_id("m1")));
  EXPECT_FALSE(transaction->find(user("alice"), user("bob"), message_id("m2")));
  EXPECT_FALSE(transaction->find(user("alice"), user("nobody"), message_id("m1")));
}

TEST_P(Consenting, ABucketIsStoredWithItsTransaction) {
  EXPECT_EQ(database().begin()->begun_full_at(user("alice")), std::nullopt);
  { database().begin()->set_begun_full_at(user("alice"), at(5)); }
  EXPECT_EQ(database().begin()->begun_full_at(user("alice")), std::nullopt);
  for (const int ms : {5000, 7000}) {
    const auto transaction = database().begin();
    transaction->set_begun_full_at(user("alice"), at(ms));
    EXPECT_EQ(transaction->begun_full_at(user("alice")), at(ms));
    transaction->commit();
  }
  reopen();
  EXPECT_EQ(database().begin()->begun_full_at(user("alice")), at(7000));
  EXPECT_EQ(database().begin()->begun_full_at(user("bob")), std::nullopt);
}

}  // namespace
}  // namespace duet
