// A platform that is put back to an older backup: nothing is lost silently, and everybody agrees again.

#include <gmock/gmock.h>

#include <algorithm>
#include <mutex>

#include "client/client.h"
#include "protocol/error_code.h"
#include "tests/support/chatter.h"
#include "tests/support/history_checker.h"
#include "tests/support/platform_test.h"
#include "tests/support/verify_platform.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A user with the C++ client; what was told to him, in order. His state outlives restarts.
class LibraryUser {
 public:
  LibraryUser(const TestPlatform& platform, const std::string& user) : user_(*UserId::parse(user)) {
    ClientOptions options{.uri = "mqtt://127.0.0.1:" + std::to_string(platform.mqtt_port()),
                          .device = {user_, *DeviceId::parse("phone")},
                          .token = [&platform, user] { return platform.tokens().chat(user); },
                          .state_directory = state_.path() / "client",
                          .first_resend = std::chrono::milliseconds(500)};
    ClientHandlers handlers;
    handlers.on_message = [this](const Envelope& envelope) { tell(envelope); };
    handlers.on_sent = [this](const Envelope& envelope) { tell(envelope); };
    handlers.on_receipt = [this](const UserId&, const Receipt& receipt) {
      const std::lock_guard lock(mutex_);
      if (receipt.by != user_) peer_read_ = receipt.read;
    };
    client_ = std::make_unique<Client>(options, std::move(handlers));
    client_->start();
  }

  Client& client() { return *client_; }
  bool send(const std::string& peer, const std::string& id) {
    return client_->send(*UserId::parse(peer), id, "text/plain", MessageId::parse(id)).has_value();
  }
  // Ids with their seqs, in the order they were told.
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  bool was_told(const std::string& what) const { return std::ranges::count(told(), what) > 0; }
  Seq peer_read() const {
    const std::lock_guard lock(mutex_);
    return peer_read_;
  }
  void forget_told() {
    const std::lock_guard lock(mutex_);
    told_.clear();
  }

 private:
  void tell(const Envelope& envelope) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::to_string(envelope.seq) + " " + envelope.id.str());
  }

  const UserId user_;
  TempDir state_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::string> told_;
  Seq peer_read_ = 0;
  std::unique_ptr<Client> client_;  // last: its handlers use all of the above
};

class Restore : public OwnPlatformTest {
 protected:
  void back_up() {
    const Finished finished = run_command({program("duet-store"), "backup", "--database",
                                           database_of(platform()).string(), "--to", backup_.string()});
    ASSERT_EQ(finished.status, 0) << finished.err;
  }
  // Puts the backup in place of the stopped platform's database and starts it. `journal`: what becomes of it.
  enum class JournalFate : std::uint8_t { kept, lost };
  void restore(JournalFate journal) {
    if (journal == JournalFate::lost) std::filesystem::remove_all(journal_of(platform()));
    const Finished finished = run_command({program("duet-store"), "restore", "--backup", backup_.string(),
                                           "--database", database_of(platform()).string(), "--replace"});
    ASSERT_EQ(finished.status, 0) << finished.err;
    platform().start();
  }

  TempDir dir_;
  const std::filesystem::path backup_ = dir_.path() / "backup.db";
};

TEST_F(Restore, OldCursorsAnswerResetAndResendsAreStoredOnce) {
  auto alice = online("alice");
  auto bob = online("bob");
  alice->send("bob", "before", "m1");
  back_up();
  alice->send("bob", "after the backup", "m2");
  bob->wait_message("alice", "m2");
  const std::string cursor = bob->sync().cursor;

  platform().stop();
  restore(JournalFate::lost);
  alice->go_online();
  bob->go_online();
  bob->await_store();
  EXPECT_EQ(bob->error_of("sync", {{"cursor", cursor}}), to_string(ErrorCode::reset));
  EXPECT_THAT(bob->history("alice"), SizeIs(1));

  const Envelope again = alice->send("bob", "before, again", "m1");
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.body, "before");
  const Envelope resent = alice->send("bob", "after the backup", "m2");
  EXPECT_FALSE(resent.duplicate) << "the store has lost it: this is the first";
  EXPECT_EQ(resent.seq, 2U);
  EXPECT_EQ(bob->error_of("sync", {{"cursor", bob->sync().cursor}}), "");
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

// The journal keeps at least its newest segment, so a small platform loses nothing at all.
TEST_F(Restore, WhatTheJournalStillHasIsStoredAgain) {
  auto alice = online("alice");
  auto bob = online("bob");
  for (int i = 1; i <= 5; ++i) alice->send("bob", "body", "m" + std::to_string(i));
  back_up();
  for (int i = 6; i <= 20; ++i) alice->send("bob", "body", "m" + std::to_string(i));
  const auto before = bob->history("alice");

  platform().stop();
  restore(JournalFate::kept);
  bob->go_online();
  bob->await_store();
  ASSERT_TRUE(eventually([&] { return bob->history("alice").size() == before.size(); }));
  const auto after = bob->history("alice");
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].id.str(), before[i].id.str());
    EXPECT_EQ(after[i].seq, before[i].seq);
  }
  EXPECT_THAT(platform().log_of("store"), ::testing::Not(HasSubstr("are missing")));
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

TEST_F(Restore, WhatIsLostIsLogged) {
  auto alice = online("alice");
  back_up();
  TestDevice sender(platform(), "alice", "sender");
  ASSERT_EQ(sender.connect(), kSuccess);
  const std::string body(30'000, 'x');  // until the journal forgets
  for (int i = 0; i < 600; ++i) sender.publish_message("bob", body, "m" + std::to_string(i));
  ASSERT_TRUE(eventually(
      [&] { return !std::filesystem::exists(journal_of(platform()) / "00000000000000000001.seg"); }));
  platform().stop();
  restore(JournalFate::kept);
  EXPECT_TRUE(
      eventually([&] { return platform().log_of("store").find("records 1 to ") != std::string::npos; }));
  alice->go_online();
  alice->send("bob", "life goes on");
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

TEST_F(Restore, ClientsTellWhatTookThePlaceOfOthers) {
  LibraryUser alice(platform(), "alice");
  LibraryUser bob(platform(), "bob");
  for (const auto* id : {"m1", "m2"}) ASSERT_TRUE(alice.send("bob", id));
  ASSERT_TRUE(eventually([&] { return bob.was_told("2 m2"); }));
  back_up();
  for (const auto* id : {"lost3", "lost4", "lost5"}) ASSERT_TRUE(alice.send("bob", id));
  ASSERT_TRUE(eventually([&] { return bob.was_told("5 lost5") && alice.was_told("5 lost5"); }));
  bob.client().mark_read(*UserId::parse("alice"), 5);
  ASSERT_TRUE(eventually([&] { return alice.peer_read() == 5; }));
  alice.forget_told();
  bob.forget_told();

  // A message waits in an outbox, to take seq 3 in the restored history.
  platform().crash();
  ASSERT_TRUE(alice.send("bob", "new3"));
  restore(JournalFate::lost);
  ASSERT_TRUE(eventually([&] { return bob.was_told("3 new3") && alice.was_told("3 new3"); }))
      << ::testing::PrintToString(bob.told());
  ASSERT_TRUE(bob.send("alice", "new4"));
  ASSERT_TRUE(eventually([&] { return bob.was_told("4 new4") && alice.was_told("4 new4"); }));
  EXPECT_THAT(bob.told(), ElementsAre("3 new3", "4 new4")) << "and nothing twice";
  EXPECT_THAT(alice.told(), ElementsAre("3 new3", "4 new4"));

  bob.client().mark_read(*UserId::parse("alice"), 3);
  EXPECT_TRUE(eventually([&] { return alice.peer_read() == 3; })) << "a mark below the lost one counts";
  EXPECT_EQ(alice.client().outbox_size(), 0U);
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

TEST_F(Restore, TheCommandLineRecovers) {
  const auto duet = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {program("duet"), "--data", platform().data_dir().string(), "--as", "bob", "--json"});
    return run_command(arguments);
  };
  auto alice = online("alice");
  alice->send("bob", "kept", "m1");
  back_up();
  alice->send("bob", "lost", "m2");
  EXPECT_THAT(duet({"listen", "--count", "2", "--timeout", "60"}).out, HasSubstr("lost"));
  platform().stop();
  restore(JournalFate::lost);
  alice->go_online();
  alice->send("bob", "in its place", "m3");
  const Finished listened = duet({"listen", "--count", "1", "--timeout", "60"});
  EXPECT_EQ(listened.status, 0) << listened.err;
  EXPECT_THAT(listened.out, HasSubstr("in its place"));
}

// Chat, back up under load, chat on, restore, chat on: of what is there afterwards both sides see the same.
TEST_F(Restore, UnderLoadBothSidesAgree) {
  {
    Chatter alice(platform(), {.user = "alice", .peer = "bob", .interval = std::chrono::milliseconds(5)});
    Chatter bob(platform(), {.user = "bob", .peer = "alice", .interval = std::chrono::milliseconds(5)});
    ASSERT_TRUE(eventually([&] { return alice.confirmed() > 50 && bob.confirmed() > 50; }));
    back_up();
    const std::size_t at_backup = alice.confirmed();
    ASSERT_TRUE(eventually([&] { return alice.confirmed() > at_backup + 50; }));
    alice.finish();
    bob.finish();
  }
  platform().stop();
  restore(JournalFate::lost);
  TestDevice reader(platform(), "alice", "reader");
  reader.go_online();
  reader.await_store();
  const auto restored = reader.history("bob");
  ASSERT_GT(restored.size(), 100U);

  TestDevice other(platform(), "bob", "reader");
  other.go_online();
  for (int i = 0; i < 20; ++i) {
    const Envelope sent = reader.send("bob", "after the restore");
    EXPECT_EQ(other.wait_message("alice", sent.id.str()).seq, sent.seq);
    other.send("alice", "and back");
  }
  const auto whole = reader.history("bob");
  const auto seen_by_bob = other.history("alice");
  ASSERT_EQ(whole.size(), seen_by_bob.size());
  const auto ids_of = [](const std::vector<Envelope>& envelopes) {
    std::vector<std::string> ids;
    ids.reserve(envelopes.size());
    for (const auto& envelope : envelopes) ids.push_back(envelope.id.str());
    return ids;
  };
  EXPECT_EQ(ids_of(whole), ids_of(seen_by_bob));
  EXPECT_EQ(ids_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(restored.size())}),
            ids_of(restored));
  EXPECT_EQ(whole.size(), restored.size() + 40);
  EXPECT_THAT(verify_platform(platform()), IsEmpty());
}

}  // namespace
}  // namespace duet
