// docs/protocol.md section 3, guarantees 1 and 2: stored before delivered, and PUBACK is kept.

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <set>

#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsSubsetOf;

class Durable : public OwnPlatformTest {
 protected:
  // Whether a transaction with this text has been written, to the log or to the database.
  bool database_holds(const std::string& text) {
    const auto database = platform().data_dir() / "store" / "duet.db";
    return text_of(database.string() + "-wal").find(text) != std::string::npos ||
           text_of(database).find(text) != std::string::npos;
  }
};

std::vector<std::string> ids_of(const std::vector<Envelope>& envelopes) {
  std::vector<std::string> ids;
  ids.reserve(envelopes.size());
  for (const Envelope& envelope : envelopes) ids.push_back(envelope.id.str());
  return ids;
}

std::vector<std::string> numbered_ids(const std::string& prefix, int count) {
  std::vector<std::string> ids;
  for (int i = 1; i <= count; ++i) ids.push_back(prefix + std::to_string(i));
  return ids;
}

// Publishes without waiting for anything; returns the tokens.
std::vector<int> publish_all(TestDevice& from, const std::string& to, const std::vector<std::string>& ids) {
  std::vector<int> tokens;
  for (const std::string& id : ids) {
    const auto token =
        from.mqtt().publish_async({.topic = msg_topic(from.user(), to),
                                   .payload = json{{"id", id}, {"body", "text of " + id}}.dump(),
                                   .correlation = {}});
    if (token) tokens.push_back(*token);
  }
  return tokens;
}

bool all_acknowledged(const TestClient& client, const std::vector<int>& tokens) {
  for (const int token : tokens) {
    const auto reason = client.puback_of(token);
    if (!reason || !accepted(*reason)) return false;
  }
  return true;
}

// The store is killed by the very first `sent` of a burst; what was seen on `sent` or `msg` until then must
// be in the database as the killed process left it. The journal, which would bring the rest back, is taken
// away: a copy of the database alone is started elsewhere. (Delivering before the commit passes now and then:
// hence the rounds.)
TEST_F(Durable, WhatWasDeliveredIsInTheDatabaseTheMomentItIsSeen) {
  constexpr int kRounds = 5;
  constexpr int kBurst = 200;
  std::set<std::string> seen;
  const auto bob = online("bob");
  for (int round = 1; round <= kRounds; ++round) {
    TestDevice alice(platform(), "alice");
    alice.go_online();
    alice.await_store();
    kill(platform().supervisor_pid(), SIGSTOP);  // nothing is started again meanwhile
    const pid_t store = platform().pid(Service::store);
    const auto ids = numbered_ids("r" + std::to_string(round) + "-", kBurst);
    publish_all(alice, "bob", ids);
    alice.wait_sent("bob", ids.front());
    kill(store, SIGKILL);
    ASSERT_TRUE(eventually([&] { return !process_runs(store); }));
    alice.round_trip();  // what the store had handed to the broker has arrived now
    bob->round_trip();
    for (const auto& envelope : alice.live("bob", InKind::sent)) seen.insert(envelope.id.str());
    for (const auto& envelope : bob->live("alice", InKind::message)) seen.insert(envelope.id.str());

    {
      TestPlatform copy(platform().data_dir(), {"store", "secrets"});
      TestDevice reader(copy, "alice");
      reader.go_online();
      reader.await_store();
      EXPECT_THAT(std::vector<std::string>(seen.begin(), seen.end()),
                  IsSubsetOf(ids_of(reader.history("bob"))));
    }
    kill(platform().supervisor_pid(), SIGCONT);
    platform().await_replaced(Service::store, store);
  }
}

// Sends SIGSTOP and waits until every thread has stopped: on a busy machine the others go on until the thread
// that got the signal runs.
void stop_all_threads(pid_t pid) {
  ::kill(pid, SIGSTOP);
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  EXPECT_TRUE(eventually([&] {
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      const std::string stat = text_of(task.path() / "stat");
      const auto end_of_name = stat.rfind(')');  // proc(5): pid (name) state
      if (end_of_name == std::string::npos || stat.compare(end_of_name + 2, 1, "T") != 0) return false;
    }
    return true;
  }));
}

// The store commits, and the broker dies with what was to be delivered still in its socket. The broker that
// comes after it has no record to send again: only the store can know that nobody was told.
TEST_F(Durable, WhatWasCommittedAndNeverDeliveredIsDeliveredAgain) {
  auto alice = online("alice");
  auto bob = online("bob");
  bob->send("alice", "first");
  const pid_t broker = platform().pid(Service::broker);
  const pid_t store = platform().pid(Service::store);

  stop_all_threads(store);
  ASSERT_TRUE(accepted(alice->publish_message("bob", "told to nobody", "untold-1")));
  // Until the plugin, which may gather records for 2 ms, has sent the frame to the store's end of the
  // connection.
  const auto sent_by = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  while (std::chrono::steady_clock::now() < sent_by) alice->round_trip();
  stop_all_threads(broker);
  kill(store, SIGCONT);
  ASSERT_TRUE(eventually([&] { return database_holds("untold-1"); }));
  stop_all_threads(store);
  kill(broker, SIGKILL);

  bob->go_online();
  kill(store, SIGCONT);
  EXPECT_EQ(bob->wait_message("alice", "untold-1").body, "told to nobody");
  EXPECT_EQ(platform().pid(Service::store), store);
}

// What happens between the PUBACKs and the proof.
struct Disaster {
  std::string name;
  void (*strike)(TestPlatform& platform);
};

std::ostream& operator<<(std::ostream& out, const Disaster& disaster) {
  return out << disaster.name;
}

class PubackIsKept : public Durable, public ::testing::WithParamInterface<Disaster> {};

// The store is stopped, so that nothing but the journal can have the messages.
TEST_P(PubackIsKept, WhateverIsKilledAfterIt) {
  auto alice = online("alice");
  auto bob = online("bob");
  const Envelope first = bob->send("alice", "first");
  platform().kill(Service::store, SIGSTOP);
  const auto ids = numbered_ids("kept-", 100);
  const auto tokens = publish_all(*alice, "bob", ids);
  ASSERT_EQ(tokens.size(), ids.size());
  ASSERT_TRUE(eventually([&] { return all_acknowledged(alice->mqtt(), tokens); }));
  alice->receipt("bob", "read", first.seq);

  GetParam().strike(platform());

  alice->go_online();
  alice->await_store();
  alice->send("bob", "after the disaster");  // journaled behind the others, so they are stored now
  auto stored = ids_of(alice->history("bob"));
  ASSERT_EQ(stored.size(), ids.size() + 2);
  stored.erase(stored.begin());
  stored.pop_back();
  EXPECT_EQ(stored, ids);  // all, once, in order

  const json mine = alice->result("conversations").at("conversations").at(0).at("mine");
  EXPECT_EQ(mine.at("read"), first.seq);
}

INSTANTIATE_TEST_SUITE_P(
    Disasters, PubackIsKept,
    ::testing::Values(Disaster{"store_killed", [](TestPlatform& p) { p.kill_and_await({Service::store}); }},
                      Disaster{"broker_killed",
                               [](TestPlatform& p) {
                                 p.kill_and_await({Service::broker});
                                 p.kill(Service::store, SIGCONT);
                               }},
                      Disaster{"both_killed",
                               [](TestPlatform& p) {
                                 p.kill_and_await({Service::broker, Service::store});
                               }},
                      Disaster{"all_killed",
                               [](TestPlatform& p) {
                                 p.crash();
                                 p.start();
                               }}),
    [](const auto& disaster) { return disaster.param.name; });

// The broker is killed in the middle of a burst, by its Nth PUBACK.
TEST_F(Durable, PubacksBeforeTheBrokersSuddenDeathAreKept) {
  constexpr int kBurst = 300;
  auto bob = online("bob");
  for (const int fatal : {1, 20, 150}) {
    const auto ids = numbered_ids("fatal" + std::to_string(fatal) + "-", kBurst);
    const pid_t broker = platform().pid(Service::broker);
    std::atomic<int> pubacks{0};
    auto alice = online("alice");
    TestClient sender({.port = platform().mqtt_port(),
                       .client_id = "alice:sender",
                       .username = "alice",
                       .password = platform().tokens().chat("alice"),
                       .will = {}});
    sender.set_puback_listener([&](int, int reason) {
      if (accepted(reason) && ++pubacks == fatal) kill(broker, SIGKILL);
    });
    ASSERT_EQ(sender.connect(), kSuccess);
    std::vector<int> tokens;
    for (const std::string& id : ids) {
      const auto token = sender.publish_async({.topic = msg_topic("alice", "bob"),
                                               .payload = json{{"id", id}, {"body", id}}.dump(),
                                               .correlation = {}});
      if (!token) break;
      tokens.push_back(*token);
    }
    ASSERT_TRUE(sender.wait_disconnected());
    std::vector<std::string> acknowledged;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (sender.puback_of(tokens[i])) acknowledged.push_back(ids[i]);
    }
    ASSERT_GE(acknowledged.size(), static_cast<std::size_t>(fatal));

    platform().await_replaced(Service::broker, broker);
    alice->go_online();
    alice->await_store();
    alice->send("bob", "after the disaster");
    EXPECT_THAT(acknowledged, IsSubsetOf(ids_of(alice->history("bob"))));
  }
}

}  // namespace
}  // namespace duet
