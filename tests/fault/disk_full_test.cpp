// A disk without room, first the journal's, then the database's, then a client's: what cannot be kept is
// refused, what was acknowledged is kept, and when there is room again everything goes on by itself.

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <optional>

#include "client/client.h"
#include "tests/support/chatter.h"
#include "tests/support/platform_test.h"
#include "tests/support/small_disk.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = kKiB * 1024;

// Larger than a page: on a disk that has no page left it cannot be written whole.
const std::string kLongBody(6000, 'x');

class DiskFull : public OwnPlatformTest {
 protected:
  void TearDown() override {
    OwnPlatformTest::TearDown();
    platform().stop();  // before its disk goes
  }
  // The directory of the platform's data is on a disk of its own from now on.
  SmallDisk& put_on_small_disk(const std::string& directory, std::size_t bytes) {
    platform().stop();
    disk_.emplace(platform().data_dir() / directory, bytes);
    platform().start();
    return *disk_;
  }
  // Whether the store says that it cannot write, in its log from `offset` on.
  bool store_complains(std::size_t offset = 0) {
    return platform().log_of("store").find("the database failed", offset) != std::string::npos;
  }

  std::vector<std::unique_ptr<Chatter>> start_load(bool one_at_a_time);
  void await_progress(const std::vector<std::unique_ptr<Chatter>>& chatters, std::size_t more = 20);
  void expect_no_violation(const std::vector<std::unique_ptr<Chatter>>& chatters);

 private:
  std::optional<SmallDisk> disk_;
};

// Four users in two conversations, in both versions of MQTT.
std::vector<std::unique_ptr<Chatter>> DiskFull::start_load(bool one_at_a_time) {
  std::vector<std::unique_ptr<Chatter>> chatters;
  const auto add = [&](const std::string& user, const std::string& peer, MqttVersion version) {
    chatters.push_back(
        std::make_unique<Chatter>(platform(), ChatterSpec{.user = user,
                                                          .peer = peer,
                                                          .version = version,
                                                          .interval = std::chrono::milliseconds(10),
                                                          .one_at_a_time = one_at_a_time}));
  };
  for (const std::string pair : {"1", "2"}) {
    add("left" + pair, "right" + pair, MqttVersion::v3_1_1);
    add("right" + pair, "left" + pair, MqttVersion::v5);
  }
  return chatters;
}

void DiskFull::await_progress(const std::vector<std::unique_ptr<Chatter>>& chatters, std::size_t more) {
  for (const auto& chatter : chatters) {
    const std::size_t before = chatter->confirmed();
    ASSERT_TRUE(eventually([&] { return chatter->confirmed() >= before + more; })) << chatter->user();
  }
}

// All came by itself, on the first connection.
void DiskFull::expect_no_violation(const std::vector<std::unique_ptr<Chatter>>& chatters) {
  for (const auto& chatter : chatters) EXPECT_TRUE(chatter->finish()) << chatter->user();
  std::vector<UserRecord> records;
  for (const auto& chatter : chatters) {
    TestDevice reader(platform(), chatter->user(), "reader");
    reader.go_online();
    records.push_back({chatter->user(), {}, reader.history(chatter->peer())});
    EXPECT_TRUE(eventually([&] { return chatter->seen_all(records.back().history.size()); }))
        << chatter->user();
    EXPECT_EQ(chatter->connections(), 1U) << chatter->user();
    EXPECT_THAT(chatter->complaints(), IsEmpty());
    records.back().devices.push_back(chatter->record());
  }
  for (std::size_t i = 0; i < records.size(); i += 2) {
    EXPECT_THAT(check_conversation(records[i], records[i + 1]), IsEmpty()) << records[i].user;
  }
}

// Connected, and subscribed to its own topics alone. What comes at once when a service goes on may be more
// than the broker keeps for a device that is slow: then it drops, and answers too.
std::unique_ptr<TestDevice> asking_device(const TestPlatform& platform, const std::string& user) {
  auto device = std::make_unique<TestDevice>(platform, user, "asking");
  EXPECT_EQ(device->connect(), kSuccess);
  EXPECT_EQ(device->mqtt().subscribe(device->device_topics()), 1);
  return device;
}

// Waits until that is the newest message of the conversation; returns its seq.
Seq await_newest(TestDevice& me, const std::string& peer, const std::string& id) {
  Seq seq = 0;
  EXPECT_TRUE(eventually([&] {
    const auto page = me.result("history", {{"with", peer}, {"limit", 1}}).at("messages");
    if (page.empty() || page.back().at("id") != id) return false;
    seq = page.back().at("seq");
    return true;
  })) << id;
  return seq;
}

// What a user can read while nothing can be written.
void expect_reads_go_on(TestDevice& me, const std::string& peer, std::size_t messages) {
  EXPECT_EQ(me.history(peer).size(), messages);
  EXPECT_EQ(me.result("conversations").at("conversations").size(), 1U);
  EXPECT_TRUE(me.result("presence", {{"with", peer}}).at("online").get<bool>());
  EXPECT_GE(me.sync().changes.size(), messages);
}

TEST_F(DiskFull, AFullJournalRefusesVisiblyAndReadsGoOn) {
  const SmallDisk& disk = put_on_small_disk("journal", 4 * kMiB);
  for (const MqttVersion version : {MqttVersion::v3_1_1, MqttVersion::v5}) {
    const std::string me = fresh_user("alice");
    const std::string peer = fresh_user("bob");
    auto alice = online(me, "phone", version);
    auto bob = online(peer);
    alice->await_store();
    alice->send(peer, "before");
    ASSERT_TRUE(eventually([&] { return bob->result("presence", {{"with", me}}).at("online").get<bool>(); }));

    disk.fill();
    const int reason = alice->publish_message(peer, kLongBody, "refused-1");
    const ErrorEvent error = alice->wait_error(ErrorCode::unavailable, msg_topic(me, peer));
    ASSERT_TRUE(error.id);
    EXPECT_EQ(error.id->str(), "refused-1");
    EXPECT_EQ(accepted(reason), version == MqttVersion::v3_1_1) << reason;  // which has no refusal
    expect_reads_go_on(*alice, peer, 1);
    expect_reads_go_on(*bob, me, 1);

    disk.make_room();
    EXPECT_EQ(alice->send(peer, kLongBody, "refused-1").seq, 2U);
    EXPECT_EQ(bob->wait_message(me, "refused-1").body, kLongBody);
    EXPECT_EQ(alice->errors().size(), 1U);
  }
}

TEST_F(DiskFull, AHalfWrittenRecordLeavesNoTrace) {
  const SmallDisk& disk = put_on_small_disk("journal", 4 * kMiB);
  auto alice = online("alice");
  auto bob = online("bob");
  alice->await_store();
  disk.fill(2 * kKiB * 4);
  EXPECT_FALSE(accepted(alice->publish_message("bob", std::string(20 * kKiB, 'x'), "too-long")));
  EXPECT_EQ(alice->send("bob", "short enough", "short").seq, 1U);

  // The broker is started on the full disk, and has what it acknowledged.
  platform().kill(Service::store, SIGSTOP);
  EXPECT_TRUE(accepted(alice->publish_message("bob", "kept", "kept")));
  EXPECT_FALSE(accepted(alice->publish_message("bob", std::string(20 * kKiB, 'x'), "too-long")));
  platform().kill_and_await({Service::broker});
  platform().kill(Service::store, SIGCONT);
  bob->go_online();
  bob->await_store();
  EXPECT_TRUE(eventually([&] { return bob->history("alice").size() == 2; }));
  disk.make_room();
  alice->go_online();
  EXPECT_EQ(alice->send("bob", "after", "after").seq, 3U);
  EXPECT_EQ(bob->history("alice").at(1).id.str(), "kept");
}

// A segment is full, and there is no room for the next one.
TEST_F(DiskFull, NoRoomForTheNextSegment) {
  const SmallDisk& disk = put_on_small_disk("journal", 24 * kMiB);
  const auto alice = asking_device(platform(), "alice");
  alice->await_store();
  // What the store has committed goes as soon as another segment is there, and would make room.
  platform().kill(Service::store, SIGSTOP);
  disk.fill(16 * kMiB - 4 * kKiB);  // a segment of 16 MiB never fits
  const std::string body(30 * kKiB, 'x');
  int taken = 0;
  while (accepted(alice->publish_message("bob", body, "m" + std::to_string(taken + 1)))) {
    ASSERT_LT(++taken, 1000);
  }
  ASSERT_GT(taken, 400);
  const std::string next = "m" + std::to_string(taken + 1);
  for (const std::size_t left : {0 * kKiB, 20 * kKiB}) {  // not even its header fits; no record fits
    disk.make_room();
    disk.fill(left);
    EXPECT_FALSE(accepted(alice->publish_message("bob", body, next))) << left << " bytes are left";
  }
  platform().kill(Service::store, SIGCONT);
  EXPECT_EQ(await_newest(*alice, "bob", "m" + std::to_string(taken)), static_cast<Seq>(taken));
  disk.make_room();
  ASSERT_EQ(alice->mqtt().subscribe(alice->inbox()), 1);
  const auto bob = online("bob");
  EXPECT_EQ(alice->send("bob", body, next).seq, static_cast<Seq>(taken) + 1);
  EXPECT_EQ(bob->wait_message("alice", next).seq, static_cast<Seq>(taken) + 1);
}

TEST_F(DiskFull, LoadAcrossAFullJournal) {
  const SmallDisk& disk = put_on_small_disk("journal", 4 * kMiB);
  const auto chatters = start_load(true);
  await_progress(chatters);
  disk.fill();
  for (const auto& chatter : chatters) {
    ASSERT_TRUE(eventually([&] { return chatter->refusals() >= 5; })) << chatter->user();
  }
  disk.make_room();
  await_progress(chatters);
  expect_no_violation(chatters);
}

TEST_F(DiskFull, LoadAcrossAFullDatabase) {
  const SmallDisk& disk = put_on_small_disk("store", 16 * kMiB);
  auto alice = online("alice");
  auto bob = online("bob");
  alice->await_store();
  alice->send("bob", "before");
  const auto chatters = start_load(false);
  await_progress(chatters);
  disk.fill();
  ASSERT_TRUE(eventually([&] { return store_complains(); }));

  EXPECT_TRUE(accepted(alice->publish_message("bob", "meanwhile", "meanwhile")));
  expect_reads_go_on(*alice, "bob", 1);
  expect_reads_go_on(*bob, "alice", 1);
  EXPECT_EQ(bob->error_of("block", {{"with", "mallory"}}), "unavailable");

  disk.make_room();
  EXPECT_EQ(bob->wait_message("alice", "meanwhile").seq, 2U);
  await_progress(chatters);
  expect_no_violation(chatters);
}

// The ids of a long conversation with large bodies. Each page on a connection of its own: an inbox with all
// of them would take long to look through.
std::vector<std::string> ids_of_history(TestDevice& me, const std::string& peer) {
  std::vector<std::string> ids;
  for (bool more = true; more;) {
    me.go_online();
    const json page = me.result("history", {{"with", peer}, {"after", ids.size()}, {"limit", 200}});
    for (const json& message : page.at("messages")) ids.push_back(message.at("id"));
    more = page.at("more");
  }
  return ids;
}

// The write-ahead log has room and the database has not. Then the store is killed, and must start like that.
TEST_F(DiskFull, NoRoomForACheckpointNorForTheStoresStart) {
  constexpr int kMessages = 700;  // more than the log takes before it is copied back
  const SmallDisk& disk = put_on_small_disk("store", 80 * kMiB);
  auto alice = online("alice");
  alice->await_store();
  disk.fill(17 * kMiB);
  const std::string body(30 * kKiB, 'x');
  std::vector<std::string> ids;
  for (int i = 1; i <= kMessages; ++i) {
    ids.push_back("m" + std::to_string(i));
    ASSERT_TRUE(accepted(alice->publish_message("bob", body, ids.back())));
  }
  ASSERT_TRUE(eventually([&] { return store_complains(); }));
  auto bob = online("bob");
  EXPECT_GT(ids_of_history(*bob, "alice").size(), 300U);

  kill(platform().supervisor_pid(), SIGSTOP);
  const pid_t store = platform().pid(Service::store);
  kill(store, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !process_runs(store); }));
  // As after a reset of the machine.
  std::filesystem::remove(platform().data_dir() / "store" / "duet.db-shm");
  disk.fill();
  const std::size_t said = platform().log_of("store").size();
  kill(platform().supervisor_pid(), SIGCONT);
  // A few pages decide whether it can open the database and cannot write, or waits before it opens it.
  ASSERT_TRUE(eventually([&] {
    return store_complains(said) ||
           platform().log_of("store").find("waiting until it can be written", said) != std::string::npos;
  }));
  ids.emplace_back("last");
  EXPECT_TRUE(accepted(alice->publish_message("bob", "last", ids.back())));  // only the journal has it
  disk.make_room();
  bob = asking_device(platform(), "bob");
  bob->await_store();
  EXPECT_EQ(await_newest(*bob, "alice", "last"), ids.size());
  EXPECT_EQ(ids_of_history(*bob, "alice"), ids);
}

// send() says that it cannot keep the message, and can when there is room again.
TEST_F(DiskFull, AClientsStateDirectory) {
  const TempDir directory;
  const SmallDisk disk(directory.path(), 1 * kMiB);
  const auto bob = online("bob");
  Client client({.uri = "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()),
                 .device = {*UserId::parse("alice"), *DeviceId::parse("laptop")},
                 .token = [this] { return platform().tokens().chat("alice"); },
                 .state_directory = directory.path()},
                {});
  client.start();
  const UserId peer = *UserId::parse("bob");
  ASSERT_TRUE(client.send(peer, "first", "text/plain", MessageId::parse("first")));
  bob->wait_message("alice", "first");
  ASSERT_TRUE(eventually([&] { return client.outbox_size() == 0; }));

  disk.fill();
  EXPECT_THROW(for (int i = 0; i < 1000; ++i) client.send(peer, kLongBody, "text/plain"), std::runtime_error);
  disk.make_room();
  ASSERT_TRUE(client.send(peer, "last", "text/plain", MessageId::parse("last")));
  bob->wait_message("alice", "last");
}

// What it has told and not kept would be told again by the next client: it waits, and misses nothing.
TEST_F(DiskFull, AClientThatFollowsGoesOnWhenThereIsRoom) {
  const TempDir directory;
  const SmallDisk disk(directory.path(), 1 * kMiB);
  const auto bob = online("bob");
  std::mutex mutex;
  std::vector<std::string> told;
  std::vector<std::string> failures;
  std::atomic<bool> waits = false;
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return told.size();
  };
  ClientHandlers handlers;
  handlers.on_message = [&](const Envelope& envelope) {
    const std::lock_guard lock(mutex);
    told.push_back(envelope.id.str());
  };
  handlers.on_failed = [&](const std::string& why) {
    const std::lock_guard lock(mutex);
    failures.push_back(why);
  };
  handlers.on_state = [&](const std::string& state) {
    if (state.find("; retrying") != std::string::npos) waits = true;
  };
  const auto make = [&] {
    return std::make_unique<Client>(
        ClientOptions{.uri = "mqtt://127.0.0.1:" + std::to_string(platform().mqtt_port()),
                      .device = {*UserId::parse("alice"), *DeviceId::parse("laptop")},
                      .token = [this] { return platform().tokens().chat("alice"); },
                      .state_directory = directory.path()},
        handlers);
  };
  auto client = make();
  client->start();
  bob->send("alice", "text", "before");
  ASSERT_TRUE(eventually([&] { return count() == 1; }));

  disk.fill();
  std::vector<std::string> sent{"before"};
  ASSERT_TRUE(eventually([&] {  // its write-ahead log may have had a page left
    sent.push_back("m" + std::to_string(sent.size()));
    bob->send("alice", "text", sent.back());
    return waits.load();
  }));
  for (int i = 0; i < 5; ++i) {
    sent.push_back("m" + std::to_string(sent.size()));
    bob->send("alice", "text", sent.back());
  }
  EXPECT_LT(count(), sent.size()) << "nothing is told that cannot be kept";
  disk.make_room();
  EXPECT_TRUE(eventually([&] { return count() == sent.size(); }));
  ASSERT_TRUE(client->send(*UserId::parse("bob"), "text", "text/plain", MessageId::parse("after")));
  bob->wait_message("alice", "after");

  disk.fill();  // it is asked to stop while it waits
  waits = false;
  ASSERT_TRUE(eventually([&] {
    sent.push_back("m" + std::to_string(sent.size()));
    bob->send("alice", "text", sent.back());
    return waits.load();
  }));
  bob->send("alice", "text", "last");
  client.reset();
  disk.make_room();
  client = make();
  client->start();
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return std::find(told.begin(), told.end(), "last") != told.end();
  }));
  client.reset();
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), told.begin())) << "in order, once";
  EXPECT_THAT(failures, IsEmpty());
}

}  // namespace
}  // namespace duet
