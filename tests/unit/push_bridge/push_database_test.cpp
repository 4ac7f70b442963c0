#include "push_bridge/push_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "file_io/store_error.h"
#include "push_bridge/push_id.h"
#include "push_bridge/schema.h"
#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using push_test::device;
using push_test::fcm;
using push_test::user;
using testing::ElementsAre;
using testing::IsEmpty;
using Access = PushDatabase::Access;

class PushDatabaseTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_.path() / "push.db";
  const Device phone_ = device("bob", "phone");
  const Timestamp now_{std::chrono::hours(1)};
};

TEST_F(PushDatabaseTest, IsItsOwnersAloneAndOneProcesss) {
  const PushDatabase database(file_, Access::owner);
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_THROW(PushDatabase(file_, Access::owner), StoreError);
  PushDatabase reader(file_, Access::reader);
  EXPECT_EQ(reader.registrations().count(), 0U);
}

TEST_F(PushDatabaseTest, RemembersAcrossProcesses) {
  std::string tag;
  {
    PushDatabase database(file_, Access::owner);
    database.set_cursor({"epoch", 7});
    database.put_secret("token", "one");
    database.put_secret("token", "two");
    tag = database.conversation_tag(phone_, user("alice"));
  }
  PushDatabase database(file_, Access::owner);
  EXPECT_EQ(database.cursor().epoch, "epoch");
  EXPECT_EQ(database.cursor().after, 7U);
  EXPECT_EQ(database.find_secret("token"), "two");
  EXPECT_EQ(database.find_secret("other"), std::nullopt);
  EXPECT_EQ(database.conversation_tag(phone_, user("alice")), tag);
  EXPECT_NE(database.conversation_tag(phone_, user("carol")), tag);
  EXPECT_NE(database.conversation_tag(device("bob", "tablet"), user("alice")), tag);
}

TEST_F(PushDatabaseTest, KeepsEveryKindOfTarget) {
  PushDatabase database(file_, Access::owner);
  auto& table = database.registrations();
  table.put({phone_, "app", ApnsTarget{"00ff", ApnsEnvironment::sandbox}, now_, 0});
  auto read = table.find(phone_);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<ApnsTarget>(read->target).token, "00ff");
  EXPECT_EQ(std::get<ApnsTarget>(read->target).environment, ApnsEnvironment::sandbox);
  EXPECT_EQ(read->registered_at, now_);
  const std::string key("\x04\x00\xff", 3);
  table.put({phone_, "web", WebPushTarget{"https://push.example/1", {key, "secret"}}, now_, 0});
  read = table.find(phone_);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->app, "web");
  EXPECT_EQ(std::get<WebPushTarget>(read->target).keys.key, key);
  EXPECT_EQ(std::get<WebPushTarget>(read->target).keys.secret, "secret");
  EXPECT_EQ(table.count(), 1U);
}

TEST_F(PushDatabaseTest, KeepsWhatPreviewsAreEncryptedTo) {
  PushDatabase database(file_, Access::owner);
  auto& table = database.registrations();
  EXPECT_FALSE(table.wants_preview(phone_));
  const DeviceKeys keys{std::string("\x04\x00\xff", 3), "secret"};
  const std::vector<Target> targets{FcmTarget{"t", keys}, ApnsTarget{"00ff", ApnsEnvironment::sandbox, keys},
                                    WebPushTarget{"https://push.example/1", keys, true}};
  for (const auto& target : targets) {
    table.put({phone_, "app", target, now_, 0});
    EXPECT_TRUE(table.wants_preview(phone_));
    EXPECT_TRUE(wants_preview(table.find(phone_)->target));
    EXPECT_TRUE(wants_preview(table.of_user(phone_.user).at(0).target));
  }
  table.put({phone_, "app", targets[0], now_, 0});
  EXPECT_EQ(std::get<FcmTarget>(table.find(phone_)->target).preview->key, keys.key);
  table.put({phone_, "app", targets[1], now_, 0});
  EXPECT_EQ(std::get<ApnsTarget>(table.find(phone_)->target).preview->secret, keys.secret);
  table.put(fcm(phone_, "t", now_));  // it wants none any more
  EXPECT_FALSE(table.wants_preview(phone_));
  EXPECT_FALSE(wants_preview(table.find(phone_)->target));
}

TEST_F(PushDatabaseTest, OneOfBeforeGoesOnWithoutPreviews) {
  {
    sqlite::create_private_file(file_);
    sqlite::Connection connection(file_, sqlite::Connection::Mode::read_write);
    sqlite::migrate(connection, {kPushApplicationId, push_migrations().first(1)});
    connection.execute(
        "register",
        "INSERT INTO registrations (user, device, channel, token, environment, key, secret, "
        "registered_at, generation) VALUES ('bob', 'phone', 'fcm/app', 't', 0, x'', x'', 1, 1), "
        "('bob', 'web', 'webpush/app', 'https://push.example/1', 0, x'04', x'05', 1, 2)");
    connection.execute("want a push",
                       "INSERT INTO jobs (user, device, slot, peer, channel, last_seq, message, message_at, "
                       "due, not_before, expires) VALUES ('bob', 'phone', 'alice', 'alice', 'fcm/app', 7, "
                       "'m', 1, 1, 1, 9)");
  }
  PushDatabase database(file_, Access::owner);
  const auto all = database.registrations().of_user(phone_.user);
  ASSERT_EQ(all.size(), 2U);
  for (const auto& one : all) EXPECT_FALSE(wants_preview(one.target));
  EXPECT_EQ(std::get<FcmTarget>(all[0].target).token, "t");
  EXPECT_EQ(std::get<WebPushTarget>(all[1].target).keys.secret, "\x05");
  const auto due = database.jobs().due("fcm/app", now_, 2);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].last_seq, 7U);
}

TEST_F(PushDatabaseTest, ATokenIsTheLastDevicesThatRegistersIt) {
  PushDatabase database(file_, Access::owner);
  auto& table = database.registrations();
  EXPECT_THAT(table.put(fcm(phone_, "shared", now_)), IsEmpty());
  EXPECT_THAT(table.put(fcm(phone_, "shared", now_)), IsEmpty());
  EXPECT_THAT(table.put(fcm(device("carol"), "shared", now_)), ElementsAre(phone_));
  EXPECT_FALSE(table.find(phone_));
  EXPECT_TRUE(table.find(device("carol")));
}

TEST_F(PushDatabaseTest, ATokenIsDroppedOnlyIfItIsStillThatRegistration) {
  PushDatabase database(file_, Access::owner);
  auto& table = database.registrations();
  table.put(fcm(phone_, "one", now_));
  const auto read = *table.find(phone_);
  table.put(fcm(phone_, "one", now_));
  EXPECT_FALSE(table.drop(read));
  EXPECT_TRUE(table.drop(*table.find(phone_)));
  EXPECT_FALSE(table.find(phone_));
}

TEST_F(PushDatabaseTest, OfTooManyDevicesTheOldestIsForgotten) {
  PushDatabase database(file_, Access::owner);
  auto& table = database.registrations();
  for (std::size_t i = 0; i < kMaxRegistrationsPerUser; ++i) {
    EXPECT_THAT(table.put(fcm(device("bob", "d" + std::to_string(i)), "t" + std::to_string(i), now_)),
                IsEmpty());
  }
  EXPECT_THAT(table.put(fcm(phone_, "one more", now_)), ElementsAre(device("bob", "d0")));
  EXPECT_EQ(table.places_of(user("bob")).size(), kMaxRegistrationsPerUser);
}

TEST_F(PushDatabaseTest, AReaderKeepsNewProviderTokensToItself) {
  PushDatabase database(file_, Access::owner);
  database.put_secret("jwt", "old");
  PushDatabase beside(file_, Access::reader);
  StoredTokens tokens(beside, Access::reader);
  EXPECT_EQ(tokens.load("jwt"), "old");
  tokens.save("jwt", "new");
  EXPECT_EQ(tokens.load("jwt"), "new");
  EXPECT_EQ(database.find_secret("jwt"), "old");
}

TEST_F(PushDatabaseTest, DueJobsComeOldestFirstAndOfTheirLaneOnly) {
  PushDatabase database(file_, Access::owner);
  const auto add = [&](const char* peer, const char* lane, int due) {
    database.jobs().add({.kind = Notification::Kind::message,
                         .device = phone_,
                         .peer = user(peer),
                         .lane = lane,
                         .last_seq = 1,
                         .message = "m",
                         .message_at = now_,
                         .due = now_ + std::chrono::seconds(due),
                         .not_before = {},
                         .expires = now_ + std::chrono::hours(1)});
  };
  add("b", "fcm/app", 2);
  add("a", "fcm/app", 1);
  add("c", "fcm/app", 3);
  add("d", "apns/app", 0);
  const auto due = database.jobs().due("fcm/app", now_ + std::chrono::seconds(2), 10);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].peer, user("a"));
  EXPECT_EQ(due[1].peer, user("b"));
  EXPECT_EQ(database.jobs().due("fcm/app", now_ + std::chrono::seconds(2), 1).size(), 1U);
  EXPECT_EQ(database.jobs().next_due("fcm/app"), now_ + std::chrono::seconds(1));
  EXPECT_EQ(database.jobs().size(), 4U);
}

TEST_F(PushDatabaseTest, WhatWaitsFollowsAClockThatIsSetBack) {
  push_test::World world;
  const UserId alice = user("alice");
  world.register_phone(phone_);
  world.online(phone_);
  world.message(alice, phone_.user, 1);
  const auto before = world.job(phone_, alice).value();
  world.send(before);
  world.message(alice, phone_.user, 2);  // after a pause
  const auto damped = world.job(phone_, alice).value();
  EXPECT_GT(damped.due, before.due - std::chrono::seconds(10));
  world.database.clock_was_set_back(std::chrono::minutes(10));
  const auto moved = world.job(phone_, alice).value();
  for (const auto time : {&PushJob::due, &PushJob::not_before, &PushJob::expires}) {
    EXPECT_EQ(moved.*time, damped.*time - std::chrono::minutes(10));
  }
  EXPECT_EQ(world.database.pushed().find(phone_, alice)->at, world.now() - std::chrono::minutes(10));
  EXPECT_EQ(world.database.registrations().badge_at(phone_), Timestamp());  // none was sent
  EXPECT_EQ(world.database.registrations().find(phone_)->registered_at, world.now());
}

TEST(PushIds, AreRandomUuids) {
  const auto id = new_push_id();
  EXPECT_THAT(id,
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(id, new_push_id());
}

}  // namespace
}  // namespace duet
