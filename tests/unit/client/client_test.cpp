// The whole client on a plain broker, against a store that does what the test wants.
#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "tests/unit/client/fake_store.h"
#include "tests/unit/client/plain_broker.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const UserId kBob = UserId::parse("bob").value();
const Device kPhone = parse_client_id("alice:phone").value();

class ClientTest : public ::testing::Test {
 protected:
  ClientOptions options() {
    return {
        .uri = broker_.uri(), .device = kPhone, .token = {}, .state_directory = directory_.path() / "state"};
  }
  ClientHandlers handlers() {
    ClientHandlers handlers;
    handlers.on_message = [this](const Envelope& envelope) { note("msg " + envelope.body); };
    handlers.on_sent = [this](const Envelope& envelope) { note("sent " + envelope.body); };
    handlers.on_refused = [this](const MessageId& id, const Refusal& refusal) {
      note("refused " + id.str() + " " + std::string(to_string(refusal.code)));
    };
    handlers.on_live = [this] { note("live"); };
    handlers.on_failed = [this](const std::string& why) { note("failed " + why); };
    return handlers;
  }
  std::unique_ptr<Client> open() { return std::make_unique<Client>(options(), handlers()); }
  std::unique_ptr<Client> start() {
    auto client = open();
    client->start();
    return client;
  }

  void note(const std::string& what) {
    const std::lock_guard lock(mutex_);
    told_.push_back(what);
    changed_.notify_all();
  }
  bool wait_told(const std::string& what) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return std::ranges::count(told_, what) > 0; });
  }
  std::vector<std::string> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    told_.clear();
  }

  TempDir directory_;
  PlainBroker broker_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> told_;
};

TEST_F(ClientTest, WhatWasSentOfflineIsSentByTheNextClientInOrder) {
  for (const auto* body : {"one", "two"}) {
    const auto client = open();
    ASSERT_TRUE(client->send(kBob, body));
  }
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  const auto client = start();
  ASSERT_TRUE(client->send(kBob, "three"));
  EXPECT_TRUE(wait_told("sent three"));
  EXPECT_THAT(told(), ElementsAre("live", "sent one", "sent two", "sent three"));
  EXPECT_EQ(client->outbox_size(), 0U);
}

TEST_F(ClientTest, TheSameIdIsInTheOutboxOnce) {
  const auto client = open();
  const auto id = MessageId::parse("X");
  EXPECT_EQ(client->send(kBob, "one", "text/plain", id), *id);
  EXPECT_EQ(client->send(kBob, "other", "text/plain", id), *id);
  EXPECT_EQ(client->outbox_size(), 1U);
}

TEST_F(ClientTest, RefusesWhatNoStoreWouldTake) {
  const auto client = open();
  EXPECT_EQ(client->send(kPhone.user, "to myself").error().code, ErrorCode::malformed);
  EXPECT_EQ(client->send(kBob, "\xff").error().code, ErrorCode::malformed);
  EXPECT_EQ(client->send(kBob, std::string("a\0b", 3)).error().code, ErrorCode::malformed);
  EXPECT_EQ(client->send(kBob, std::string(300'000, 'x')).error().code, ErrorCode::too_large);
  EXPECT_EQ(client->send(kBob, "x", "").error().code, ErrorCode::malformed);
  EXPECT_EQ(client->outbox_size(), 0U);
}

TEST_F(ClientTest, PublishesAgainUntilSentComes) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.set_storing(false);
  auto impatient = options();
  impatient.first_resend = std::chrono::milliseconds(20);
  Client client(impatient, handlers());
  client.start();
  ASSERT_TRUE(client.send(kBob, "hello"));
  EXPECT_TRUE(store.wait_until([](const FakeStore& s) { return s.published.size() >= 3; }));
  store.set_storing(true);
  EXPECT_TRUE(wait_told("sent hello"));
  EXPECT_TRUE(eventually([&] { return client.outbox_size() == 0; }));
  EXPECT_TRUE(store.wait_until([](const FakeStore& s) { return s.stored.size() == 1; }));
}

TEST_F(ClientTest, KeepsTheOrderWhenTheBrokerDiesUnderLoad) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  const auto client = start();
  ASSERT_TRUE(wait_told("live"));
  std::vector<std::string> bodies;
  for (int i = 0; i < 60; ++i) {
    bodies.push_back(std::to_string(i));
    ASSERT_TRUE(client->send(kBob, bodies.back()));
    if (i != 20 && i != 40) continue;
    EXPECT_TRUE(wait_told("sent " + std::to_string(i - 10)));
    broker_.kill();
    broker_.start();
  }
  EXPECT_TRUE(wait_told("sent 59"));
  EXPECT_TRUE(eventually([&] { return client->outbox_size() == 0; }));
  EXPECT_TRUE(store.wait_until([&](const FakeStore& s) { return s.stored == bodies; }))
      << ::testing::PrintToString(store.stored);
}

TEST_F(ClientTest, TellsOfAMessageThatIsRefusedForGood) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.set_refusing(
      ErrorEvent{.refusal = {ErrorCode::blocked, "why"}, .topic = {}, .id = {}, .retry_after = {}});
  {
    const auto client = start();
    ASSERT_TRUE(client->send(kBob, "no", "text/plain", MessageId::parse("X")));
    EXPECT_TRUE(wait_told("refused X blocked"));
    EXPECT_EQ(client->outbox_size(), 0U);
  }
  EXPECT_EQ(open()->outbox_size(), 0U) << "it does not come back";
}

TEST_F(ClientTest, TriesAgainWhatIsRefusedForNow) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.set_refusing(ErrorEvent{.refusal = {ErrorCode::rate_limited, "why"},
                                .topic = {},
                                .id = {},
                                .retry_after = std::chrono::milliseconds(20)});
  const auto client = start();
  ASSERT_TRUE(client->send(kBob, "slowly"));
  EXPECT_TRUE(store.wait_until([](const FakeStore& s) { return s.published.size() >= 3; }));
  store.set_refusing(std::nullopt);
  EXPECT_TRUE(wait_told("sent slowly"));
  EXPECT_THAT(told(), ::testing::Not(::testing::Contains(HasSubstr("refused"))));
}

TEST_F(ClientTest, KeepsTheOrderWhenTheStoreWillNotBeginAConversationYet) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.set_refusing(ErrorEvent{.refusal = {ErrorCode::rate_limited, "why"},
                                .topic = {},
                                .id = {},
                                .retry_after = std::chrono::milliseconds(20)});
  const auto client = start();
  for (const char* body : {"1", "2", "3"}) ASSERT_TRUE(client->send(kBob, body));
  ASSERT_TRUE(store.wait_until([](const FakeStore& s) { return s.published.size() >= 3; }));
  store.set_refusing(std::nullopt);
  ASSERT_TRUE(store.wait_until([](const FakeStore& s) { return s.stored.size() == 3; }));
  store.wait_until([](const FakeStore& s) {
    EXPECT_THAT(s.stored, ElementsAre("1", "2", "3"));
    EXPECT_EQ(std::ranges::count(s.published, "2"), 1) << "it waited for the first one's sent";
    return true;
  });
}

TEST_F(ClientTest, TellsEveryMessageOnceAcrossRestartsAndAcknowledgesThem) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.say("before");
  {
    const auto client = start();
    EXPECT_TRUE(wait_told("live"));
    store.say("live one");
    EXPECT_TRUE(wait_told("msg live one"));
    EXPECT_TRUE(store.wait_until(
        [](const FakeStore& s) { return !s.receipts.empty() && s.receipts.back().delivered == 2; }));
    client->mark_read(kBob, 2);
    EXPECT_TRUE(store.wait_until([](const FakeStore& s) { return s.receipts.back().read == 2; }));
  }
  store.say("away");
  EXPECT_THAT(told(), ElementsAre("msg before", "live", "msg live one"));
  forget();
  const auto client = start();
  EXPECT_TRUE(wait_told("live"));
  EXPECT_THAT(told(), ElementsAre("msg away", "live"));
}

TEST_F(ClientTest, WithoutFollowingLeavesWhatArrivesToOthers) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.say("for later");
  {
    auto sending = options();
    sending.follow = false;
    Client client(sending, handlers());
    client.start();
    ASSERT_TRUE(client.send(kBob, "hello"));
    EXPECT_TRUE(wait_told("sent hello"));
  }
  EXPECT_THAT(told(), ElementsAre("sent hello"));
  forget();
  const auto client = start();
  EXPECT_TRUE(wait_told("live"));
  EXPECT_THAT(told(), ElementsAre("msg for later", "sent hello", "live"));
}

TEST_F(ClientTest, StoppedInAHandlerTheRestIsForTheNextClient) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  for (const auto* body : {"1", "2", "3"}) store.say(body);
  {
    Client* following = nullptr;
    auto stopping = handlers();
    stopping.on_message = [&](const Envelope& envelope) {
      note("msg " + envelope.body);
      if (envelope.seq == 2) following->stop_following();
    };
    Client client(options(), stopping);
    following = &client;
    client.start();
    EXPECT_TRUE(wait_told("msg 2"));
  }
  EXPECT_THAT(told(), ElementsAre("msg 1", "msg 2"));
  forget();
  const auto client = start();
  EXPECT_TRUE(wait_told("live"));
  EXPECT_THAT(told(), ElementsAre("msg 3", "live"));
}

TEST_F(ClientTest, TheLastReceiptIsToldBeforeTheClientGoes) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  for (int round = 0; round < 5; ++round) {
    const auto last = std::to_string(round * 3 + 2);
    const auto client = start();
    for (int i = 0; i < 3; ++i) store.say(std::to_string(round * 3 + i));
    EXPECT_TRUE(wait_told("msg " + last));
  }
  EXPECT_TRUE(store.wait_until(
      [](const FakeStore& s) { return !s.receipts.empty() && s.receipts.back().delivered == 15; }));
}

TEST_F(ClientTest, AHandlerThatThrowsEndsTheClientAndLosesNothing) {
  FakeStore store(broker_.uri());
  ASSERT_TRUE(store.wait_connected());
  store.say("poison");
  {
    auto failing = handlers();
    failing.on_message = [](const Envelope&) { throw std::runtime_error("no screen"); };
    Client client(options(), failing);
    client.start();
    EXPECT_TRUE(wait_told("failed no screen"));
  }
  const auto client = start();
  EXPECT_TRUE(wait_told("msg poison"));
}

TEST_F(ClientTest, OneClientUsesAStateDirectory) {
  const auto first = open();
  EXPECT_THROW(open(), StateInUse);
}

TEST_F(ClientTest, AStateDirectoryBelongsToOneDevice) {
  open();
  auto other = options();
  other.device = parse_client_id("carol:phone").value();
  EXPECT_THROW(Client(other, {}), std::runtime_error);
}

TEST_F(ClientTest, ADamagedStateIsSaidSo) {
  open();
  std::ofstream(options().state_directory / "client.db") << std::string(8192, 'x');
  try {
    open();
    ADD_FAILURE() << "it opened";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("client.db"));
  }
}

TEST_F(ClientTest, ARequestWithoutAnAnswerEnds) {
  auto hasty = options();
  hasty.request_patience = std::chrono::milliseconds(50);
  Client client(hasty, handlers());
  client.start();
  client.request("devices", {}, [this](const Client::Answer& answer) {
    note(answer ? "answered" : std::string(to_string(answer.error().code)));
  });
  EXPECT_TRUE(wait_told("unavailable"));
}

}  // namespace
}  // namespace duet
