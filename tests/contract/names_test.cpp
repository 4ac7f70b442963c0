// Names: who is known, and which name is free to sign up with.
#include "tests/contract/contract.h"

namespace duet {
namespace {

class Naming : public StoreContract {
 protected:
  template <typename Use>
  auto in_transaction(const Use& use) {
    const auto transaction = database().begin();
    if constexpr (std::is_void_v<decltype(use(*transaction))>) {
      use(*transaction);
      transaction->commit();
    } else {
      const auto result = use(*transaction);
      transaction->commit();
      return result;
    }
  }
  bool known(std::string_view name) {
    return in_transaction([&](WriteTransaction& one) { return one.is_known(user(name)); });
  }
  void see(std::string_view name) {
    in_transaction([&](WriteTransaction& one) { one.note_seen(user(name)); });
  }
  void note_account(std::string_view name) {
    in_transaction([&](WriteTransaction& one) { one.note_account(user(name)); });
  }
  bool claim(std::string_view name, std::int64_t ms = 1000) {
    return in_transaction([&](WriteTransaction& one) { return one.claim_name(user(name), at(ms)); });
  }
  std::optional<Timestamp> claimed_at(std::string_view name) {
    return in_transaction([&](WriteTransaction& one) { return one.claimed_at(user(name)); });
  }
};

INSTANTIATE_TEST_SUITE_P(Keeping, Naming, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Naming, KnowsWhoWasSeenOrHasAnAccountAndNotWhoIsOnlySpokenOf) {
  append(message("alice", "bob", "m1"));
  block("alice", "carol");
  see("dave");
  note_account("erin");
  EXPECT_TRUE(claim("frank"));
  for (int i = 0; i < 2; ++i) {
    for (const char* name : {"bob", "carol", "nobody"}) EXPECT_FALSE(known(name)) << name;
    for (const char* name : {"dave", "erin", "frank"}) EXPECT_TRUE(known(name)) << name;
    reopen();
  }
  see("bob");
  EXPECT_TRUE(known("bob"));
}

TEST_P(Naming, ANameIsFreeWithoutAConversationAndWithoutOneWhoUsesIt) {
  append(message("alice", "bob", "m1"));
  block("alice", "carol");
  see("dave");
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(claim("alice"));
    EXPECT_FALSE(claim("bob"));
    EXPECT_FALSE(claim("dave"));
    reopen();
  }
  EXPECT_FALSE(known("bob")) << "a name that is not free stays as it was";
  EXPECT_TRUE(claim("carol")) << "others' blocks take no name away";
  EXPECT_TRUE(claim("erin"));
}

TEST_P(Naming, AClaimThatIsRepeatedIsFreeUntilSomebodyHasWritten) {
  EXPECT_TRUE(claim("bob"));
  see("bob");
  EXPECT_TRUE(claim("bob"));
  append(message("alice", "bob", "m1"));
  EXPECT_FALSE(claim("bob"));
}

TEST_P(Naming, AMessageOfTheSameTransactionTakesTheName) {
  const auto transaction = database().begin();
  transaction->append(message("alice", "bob", "m1"));
  EXPECT_FALSE(transaction->claim_name(user("bob"), at(1000)));
}

TEST_P(Naming, ARollBackTakesEverythingBack) {
  claim("erin", 500);
  EXPECT_TRUE(claimed_at("erin"));
  {
    const auto transaction = database().begin();
    transaction->claim_name(user("bob"), at(1000));
    transaction->note_seen(user("carol"));
    transaction->set_accounts_through(7);
    EXPECT_TRUE(transaction->claimed_at(user("bob")));
  }
  EXPECT_FALSE(known("bob"));
  EXPECT_FALSE(known("carol"));
  EXPECT_EQ(claimed_at("bob"), std::nullopt);
  EXPECT_EQ(claimed_at("erin"), at(500));
  EXPECT_EQ(in_transaction([](WriteTransaction& one) { return one.accounts_through(); }), 0U);
}

TEST_P(Naming, ClaimsAreKeptForADayByAClockThatMayBeSetBack) {
  constexpr std::int64_t kDay = std::chrono::milliseconds(kClaimsKept).count();
  claim("bob", 1000);
  claim("carol", 2 * kDay);
  const auto tidy = [&](std::int64_t ms) {
    in_transaction([&](WriteTransaction& one) { one.tidy_claims(at(ms)); });
    reopen();
  };
  tidy(2000);
  EXPECT_EQ(claimed_at("bob"), at(1000));
  EXPECT_EQ(claimed_at("carol"), at(2000)) << "the clock was ahead";
  tidy(1000 + kDay);
  EXPECT_EQ(claimed_at("bob"), std::nullopt);
  EXPECT_EQ(claimed_at("carol"), at(2000));
  EXPECT_TRUE(known("bob"));
}

TEST_P(Naming, ThePlaceAmongTheAccountsNeverGoesBack) {
  const auto set = [&](std::uint64_t number) {
    in_transaction([&](WriteTransaction& one) { one.set_accounts_through(number); });
    reopen();
    return in_transaction([](WriteTransaction& one) { return one.accounts_through(); });
  };
  EXPECT_EQ(set(7), 7U);
  EXPECT_EQ(set(3), 7U);
}

}  // namespace
}  // namespace duet
