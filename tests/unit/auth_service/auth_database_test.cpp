#include "auth_service/auth_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "auth_service/schema.h"
#include "file_io/store_error.h"
#include "sqlite/connection.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const UserId kOwner = *UserId::parse("alice");
const Timestamp kNoon{1'800'000'000s + 500ms};

class AuthDatabaseTest : public testing::Test {
 protected:
  AuthDatabase& open(SessionRules rules = {}) {
    database_.reset();
    database_ = std::make_unique<AuthDatabase>(file_, rules, [this] { return now_; });
    return *database_;
  }
  Account alice() {
    database_->add_account(kOwner, "hash");
    return *database_->find_account("alice");
  }
  std::string log_in(const Account& account, Timestamp now = kNoon,
                     std::optional<DeviceId> device = std::nullopt) {
    now_ = now;
    return database_->start_session(account, "app", std::move(device))->refresh_token;
  }
  Result<LoginSession, NoSession> refresh(const std::string& token, Timestamp now = kNoon) {
    now_ = now;
    return database_->refresh(token, "app");
  }
  bool refreshes(const std::string& token, Timestamp now = kNoon) { return refresh(token, now).has_value(); }
  std::vector<Revocation> live(Timestamp now) {
    now_ = now;
    std::vector<Revocation> found;
    database_->for_each_live_revocation([&](const Revocation& one) { found.push_back(one); });
    return found;
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "auth.db";
  Timestamp now_ = kNoon;
  std::unique_ptr<AuthDatabase> database_;
};

TEST_F(AuthDatabaseTest, IsAPrivateFileOfItsOwnKind) {
  open();
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_THROW(AuthDatabase(file_, {}, [] { return kNoon; }), StoreError);  // in use
  database_.reset();
  const sqlite::Connection connection(file_, sqlite::Connection::Mode::read_only);
  EXPECT_THROW(sqlite::check_schema(connection, {kAuthApplicationId + 1, auth_migrations()}), StoreError);
  EXPECT_EQ(sqlite::check_schema(connection, auth_schema()), auth_migrations().back().number);
}

TEST_F(AuthDatabaseTest, IsRefusedWhenOthersMayReadIt) {
  open();
  database_.reset();
  ASSERT_EQ(::chmod(file_.c_str(), 0640), 0);
  try {
    open();
    ADD_FAILURE() << "it was opened";
  } catch (const StoreError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("chmod 600 " + file_.string()));
  }
  ASSERT_EQ(::chmod(file_.c_str(), 0600), 0);
  open();
}

TEST_F(AuthDatabaseTest, NothingStandsOnAPasswordThatWasChangedMeanwhile) {
  auto& database = open();
  const auto read = alice();
  ASSERT_TRUE(database.change_password(read, "new"));
  EXPECT_FALSE(database.change_password(read, "newer"));
  EXPECT_FALSE(database.start_session(read, "app", std::nullopt));
  EXPECT_FALSE(database.remove_account(read));
  database.set_hash(read, "old password, other cost");
  EXPECT_EQ(database.find_account("alice")->password_hash, "new");
}

TEST_F(AuthDatabaseTest, AFreshHashOfTheSamePasswordEndsNothing) {
  auto& database = open();
  const auto read = alice();
  const auto token = log_in(read);
  database.set_hash(read, "hash at another cost");
  EXPECT_EQ(database.find_account("alice")->password_hash, "hash at another cost");
  EXPECT_TRUE(refreshes(token));
  EXPECT_TRUE(database.start_session(read, "app", std::nullopt));
  EXPECT_THAT(live(kNoon), IsEmpty());
}

TEST_F(AuthDatabaseTest, OnlyHashesOfTokensAreStored) {
  open();
  const auto token = *RefreshToken::parse(log_in(alice()));
  const auto next = *RefreshToken::parse(refresh(token.text())->refresh_token);
  database_.reset();
  sqlite::Connection connection(file_, sqlite::Connection::Mode::read_only);
  sqlite::Statement rows(connection, "test", "SELECT id, current, previous FROM families");
  auto row = rows.query();
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.blob(0), token.family());
  EXPECT_EQ(row.blob(1), next.hash());
  EXPECT_EQ(row.blob(2), token.hash());
  EXPECT_FALSE(row.next());
}

TEST_F(AuthDatabaseTest, ALoginEndsWhenItIsQuietForTooLong) {
  open({.refresh_ttl = 100s, .family_ttl = 250s});
  const auto first = log_in(alice());
  const auto second = refresh(first, kNoon + 99s)->refresh_token;
  const auto third = refresh(second, kNoon + 198s)->refresh_token;
  EXPECT_FALSE(refreshes(third, kNoon + 250s));  // the limit of the family
  EXPECT_TRUE(refreshes(third, kNoon + 249s));
  const auto other = log_in(alice());
  EXPECT_FALSE(refreshes(other, kNoon + 100s));
  database_->forget_over();
  EXPECT_FALSE(refreshes(other, kNoon));
}

TEST_F(AuthDatabaseTest, TheQuietestLoginMakesRoom) {
  open({.sessions_per_account = 2});
  const auto account = alice();
  const auto first = log_in(account, kNoon);
  const auto second = log_in(account, kNoon + 1s);
  const auto refreshed = refresh(first, kNoon + 2s)->refresh_token;
  const auto third = log_in(account, kNoon + 3s);
  EXPECT_FALSE(refreshes(second, kNoon + 4s));
  EXPECT_TRUE(refreshes(refreshed, kNoon + 4s));
  EXPECT_TRUE(refreshes(third, kNoon + 4s));
}

TEST_F(AuthDatabaseTest, ARevocationConcernsWhatWasIssuedBeforeOnTheDevicesItNames) {
  auto& database = open();
  const auto phone = *DeviceId::parse("phone");
  const auto web = *DeviceId::parse("web");
  const auto made = database.end_device(kOwner, phone);
  EXPECT_EQ(made.before, Timestamp(1'800'000'001s));  // this second's tokens have an earlier `iat`
  EXPECT_TRUE(database.is_revoked(kOwner, phone, made.before - 1s));
  EXPECT_FALSE(database.is_revoked(kOwner, phone, made.before));
  EXPECT_FALSE(database.is_revoked(kOwner, web, made.before - 1s));
  EXPECT_FALSE(database.is_revoked(kOwner, std::nullopt, made.before - 1s));
  EXPECT_FALSE(database.is_revoked(*UserId::parse("bob"), phone, made.before - 1s));
  EXPECT_EQ(database.issue_time(kOwner), made.before);
  EXPECT_EQ(database.issue_time(kOwner, phone), made.before);
  EXPECT_EQ(database.issue_time(kOwner, web), now_);

  database.end_everything(kOwner);
  EXPECT_TRUE(database.is_revoked(kOwner, web, made.before - 1s));
  EXPECT_TRUE(database.is_revoked(kOwner, std::nullopt, made.before - 1s));
}

TEST_F(AuthDatabaseTest, RevocationsAreKeptUntilTheirTokensHaveRunOut) {
  const auto device = *DeviceId::parse("phone");
  auto& database = open({.access_ttl = 100s, .clock_skew = 30s});
  database.end_device(kOwner, device);
  now_ += 10s;
  const auto again = database.end_device(kOwner, device);
  EXPECT_EQ(again.until, again.before + 131s);
  open({.access_ttl = 10s, .clock_skew = 30s});
  EXPECT_THAT(live(again.until - 1ms), ElementsAre(again));  // one for each device
  EXPECT_THAT(live(again.until), IsEmpty());
  database_->forget_over();
  EXPECT_THAT(live(kNoon), IsEmpty());
  // Tokens of the longer life may still be about.
  EXPECT_EQ(database_->longest_token_life(), 131s);
}

TEST_F(AuthDatabaseTest, AClockSetBackTakesNoRevocationBack) {
  auto& database = open();
  const auto made = database.end_everything(kOwner);
  now_ -= 1h;
  EXPECT_GT(database.end_everything(kOwner).before, made.before);
}

// Out, in again and out, all within a second: the token between has the next second's `iat`.
TEST_F(AuthDatabaseTest, AnEndReachesWhatWasIssuedSinceTheLastOneInTheSameSecond) {
  auto& database = open();
  const auto phone = *DeviceId::parse("phone");
  for (int i = 0; i < 3; ++i) {
    const auto issued_at = database.issue_time(kOwner, phone);
    database.end_device(kOwner, phone);
    EXPECT_TRUE(database.is_revoked(kOwner, phone, issued_at)) << i;
  }
  for (int i = 0; i < 3; ++i) {
    const auto issued_at = database.issue_time(kOwner);
    database.end_everything(kOwner);
    EXPECT_TRUE(database.is_revoked(kOwner, std::nullopt, issued_at)) << i;
  }
}

// Else who ends one after the other would be ahead of what verifiers take.
TEST_F(AuthDatabaseTest, TheEndsOfOtherDevicesDoNotPutADeviceOff) {
  auto& database = open();
  for (int i = 0; i < 20; ++i) database.end_device(kOwner, *DeviceId::parse("d" + std::to_string(i)));
  EXPECT_EQ(database.end_device(kOwner, *DeviceId::parse("web")).before, Timestamp(1'800'000'001s));
}

TEST_F(AuthDatabaseTest, AClockThatWasALittleAheadCorrectsNothing) {
  auto& database = open();
  const auto made = database.end_everything(kOwner);
  now_ = made.before - 30s;
  EXPECT_EQ(database.issue_time(kOwner), made.before);  // 30 s are what the verifiers allow
  EXPECT_EQ(database.corrections(), 0U);
}

// What ended while the clock was ahead counts from the next token on; nobody else's is touched.
TEST_F(AuthDatabaseTest, AClockThatWasAheadLocksNobodyOut) {
  auto& database = open();
  const UserId bob = *UserId::parse("bob");
  const auto token = log_in(alice(), kNoon, DeviceId::parse("phone"));
  now_ = kNoon + 24h;
  database.end_device(kOwner, *DeviceId::parse("web"));
  const auto bobs = database.end_everything(bob);
  now_ = kNoon;
  const auto next_second = Timestamp(1'800'000'001s);
  EXPECT_EQ(refresh(token)->issued_at, kNoon);  // another device's end is none of the phone's business
  EXPECT_EQ(database.corrections(), 0U);
  EXPECT_EQ(database.issue_time(kOwner, DeviceId::parse("web")), next_second);
  EXPECT_EQ(database.corrections(), 1U);
  const Revocation corrected{kOwner, DeviceId::parse("web"), next_second, next_second + 931s};
  EXPECT_THAT(live(kNoon), ElementsAre(corrected, bobs));
  EXPECT_EQ(database.issue_time(bob), next_second);
  EXPECT_EQ(database.corrections(), 2U);
}

// The time of issue is that of the transaction: whenever the token is signed, a logout after it ends it.
TEST_F(AuthDatabaseTest, ATokenWhoseRefreshCameBeforeALogoutIsRevoked) {
  auto& database = open();
  const auto token = log_in(alice());
  const auto session = refresh(token, Timestamp(1'800'000'000s + 999ms));
  now_ += 1ms;  // the next second
  const auto made = database.end_everything(kOwner);
  now_ += 1s;  // when the token is signed
  EXPECT_LT(session->issued_at, made.before);
  EXPECT_TRUE(database.is_revoked(kOwner, std::nullopt, session->issued_at));
}

TEST_F(AuthDatabaseTest, TheEndOfADeviceIsThatOfLoginsThatMayBeIts) {
  auto& database = open();
  const auto account = alice();
  const auto phone = *DeviceId::parse("phone");
  const auto web = log_in(account, kNoon, DeviceId::parse("web"));
  EXPECT_EQ(database.end_device(kOwner, phone).device, phone);
  const auto unbound = log_in(account);
  EXPECT_EQ(database.end_device(kOwner, phone).device, std::nullopt);
  EXPECT_FALSE(refreshes(unbound));
  EXPECT_TRUE(refreshes(web));
}

TEST_F(AuthDatabaseTest, AUserHasABoundedNumberOfRevocations) {
  auto& database = open();
  for (std::size_t i = 0; i < RevocationTable::kMaxPerUser; ++i) {
    database.end_device(kOwner, *DeviceId::parse("d" + std::to_string(i)));
  }
  EXPECT_THAT(live(kNoon), SizeIs(RevocationTable::kMaxPerUser));
  const auto whole = database.end_device(kOwner, *DeviceId::parse("one-more"));
  EXPECT_EQ(whole.device, std::nullopt);
  EXPECT_THAT(live(kNoon), ElementsAre(whole));
}

}  // namespace
}  // namespace duet
