// What the store is told of accounts, and what it is asked at sign-up.
#include "auth_service/store_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/auth_service/service_fixture.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// A store that keeps what it is told.
class FakeStore {
 public:
  PublishResult take(const Link::Publish& message) {
    EXPECT_EQ(message.topic, "svc/auth/names");
    EXPECT_EQ(message.qos, 1);
    const std::scoped_lock lock(mutex_);
    asks_.push_back(parse_names_ask(message.payload).value());
    return PublishResult::accepted;
  }
  std::vector<NamesAsk> asks() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(asks_, {});
  }
  // The payload of the answer.
  std::string answer(const NamesAsk& ask) {
    for (const auto& user : ask.add) known.push_back(user.str());
    if (ask.range && ask.range->after <= through) through = std::max(through, ask.range->through);
    return format_names_answer(
        {ask.req, through, ask.claim ? std::optional(ask.claim->str() != "used") : std::nullopt});
  }

  std::vector<std::string> known;
  std::uint64_t through = 0;

 private:
  std::mutex mutex_;
  std::vector<NamesAsk> asks_;
};

class StoreNamesTest : public testing::Test {
 protected:
  static UserId user(const std::string& name) { return *UserId::parse(name); }
  // Answers until nothing is asked.
  void settle() {
    for (auto asks = store_.asks(); !asks.empty(); asks = store_.asks()) {
      for (const auto& ask : asks) names_.answered(store_.answer(ask));
    }
  }

  TemporaryDirectory directory_;
  AuthDatabase database_{directory_.path() / "auth.db", {}, [] { return Timestamp(1000s); }};
  FakeStore store_;
  StoreNames names_{database_,
                    {user("robot")},
                    [this](const Link::Publish& message) { return store_.take(message); },
                    {.patience = 100ms, .repeat = 1ms}};
};

TEST_F(StoreNamesTest, TellsAllAccountsInPagesAndLaterTheNewOnes) {
  for (std::size_t i = 0; i <= kServicePage; ++i) database_.add_account(user("u" + std::to_string(i)), "h");
  database_.add_account(user("gone"), "h");
  database_.remove_account(*database_.find_account("gone"));
  names_.connected();
  const auto before = StoreNames::Clock::now();
  settle();
  const auto after = StoreNames::Clock::now();
  EXPECT_THAT(store_.known, SizeIs(kServicePage + 2));
  EXPECT_EQ(store_.known.front(), "robot");
  EXPECT_THAT(store_.known, testing::Not(testing::Contains("gone")));
  EXPECT_EQ(store_.through, kServicePage + 2);

  store_.known.clear();
  database_.add_account(user("late"), "h");
  names_.tick(before + 9s);
  EXPECT_THAT(store_.asks(), IsEmpty());
  names_.tick(after + 11s);
  settle();
  EXPECT_THAT(store_.known, ElementsAre("robot", "late"));
}

TEST_F(StoreNamesTest, TellsAStoreThatWasPutBackWhatItLacks) {
  for (const char* name : {"alice", "bob", "carol"}) database_.add_account(user(name), "h");
  names_.connected();
  settle();
  store_.known.clear();
  store_.through = 1;
  names_.tick(StoreNames::Clock::now() + 11s);
  settle();
  EXPECT_THAT(store_.known, ElementsAre("robot", "bob", "carol"));
}

TEST_F(StoreNamesTest, AsksAgainWhenThereIsNoAnswerAndNotInALoop) {
  database_.add_account(user("alice"), "h");
  const auto before = StoreNames::Clock::now();
  names_.connected();
  const auto lost = store_.asks();
  ASSERT_THAT(lost, SizeIs(1));
  names_.tick(before + 1s);
  EXPECT_THAT(store_.asks(), IsEmpty());
  names_.tick(StoreNames::Clock::now() + 3s);
  const auto again = store_.asks();
  ASSERT_THAT(again, SizeIs(1));
  names_.answered(store_.answer(lost[0]));  // too late
  EXPECT_THAT(store_.asks(), IsEmpty());
  names_.answered(store_.answer(again[0]));
  const auto page = store_.asks();
  ASSERT_THAT(page, SizeIs(1));
  names_.answered(format_names_answer({page[0].req, 0, std::nullopt}));  // it has not got on
  names_.answered("nonsense");
  EXPECT_THAT(store_.asks(), IsEmpty());
}

TEST_F(StoreNamesTest, AClaimIsRepeatedUntilItIsAnswered) {
  std::jthread store([this](const std::stop_token& stop) {
    std::size_t seen = 0;
    while (!stop.stop_requested()) {
      for (const auto& ask : store_.asks()) {
        if (++seen % 3 == 0) names_.answered(store_.answer(ask));
      }
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(names_.claim(user("fresh")), Claim::free);
  EXPECT_EQ(names_.claim(user("used")), Claim::used);
}

TEST_F(StoreNamesTest, AClaimWithoutAnAnswerIsGivenUpAndFewWait) {
  EXPECT_EQ(names_.claim(user("fresh")), Claim::unavailable);
  StoreNames patient(database_, {}, [this](const Link::Publish& message) { return store_.take(message); },
                     {.patience = 1h, .repeat = 1h});
  store_.asks();
  std::vector<std::jthread> waiting;
  for (std::size_t i = 0; i < StoreNames::kMaxWaiting; ++i) {
    waiting.emplace_back([&] { EXPECT_EQ(patient.claim(user("fresh")), Claim::free); });
  }
  std::vector<NamesAsk> asks;
  while (asks.size() < StoreNames::kMaxWaiting) {
    for (auto& ask : store_.asks()) asks.push_back(std::move(ask));
    std::this_thread::yield();
  }
  EXPECT_EQ(patient.claim(user("fresh")), Claim::unavailable);
  for (const auto& ask : asks) patient.answered(store_.answer(ask));
}

// What a client sees.
class SignUpNames : public ServiceTest {};

TEST_F(SignUpNames, ANameWithMessagesIsNotGiven) {
  const auto client = start();
  names_.answer(Claim::used);
  const auto answer = client.sign_up("alice", kPassword);
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.text("type"), "urn:duet:problem:username_used");
  EXPECT_EQ(client.log_in("alice", kPassword).status, 400);
  names_.answer(Claim::free);
  EXPECT_EQ(client.sign_up("alice", kPassword).status, 201);
  EXPECT_THAT(names_.take(), ElementsAre(*UserId::parse("alice"), *UserId::parse("alice")));
}

TEST_F(SignUpNames, WithoutTheStoreNobodySignsUp) {
  const auto client = start();
  names_.answer(Claim::unavailable);
  const auto answer = client.sign_up("alice", kPassword);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.text("type"), "urn:duet:problem:unavailable");
  EXPECT_NE(answer.header("Retry-After"), "");
  EXPECT_EQ(client.log_in("alice", kPassword).status, 400);
}

TEST_F(SignUpNames, OfWhatIsTakenTheStoreIsNotAsked) {
  const auto client = start();
  client.sign_up("alice", kPassword);
  names_.take();
  for (const char* name : {"alice", "helper", "duet-probe-a"}) {
    EXPECT_EQ(client.sign_up(name, kPassword).text("type"), "urn:duet:problem:username_taken") << name;
  }
  EXPECT_THAT(names_.take(), IsEmpty());
}

}  // namespace
}  // namespace duet
