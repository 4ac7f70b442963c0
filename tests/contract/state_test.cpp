// Blocks, devices, ingest offsets and the epoch.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::UnorderedElementsAre;

class State : public StoreContract {
 protected:
  bool change_block(std::string_view blocker, std::string_view blocked, bool on) {
    const auto transaction = database().begin();
    const Block block{user(blocker), user(blocked)};
    const bool changed = on ? transaction->block(block) : transaction->unblock(block);
    transaction->commit();
    return changed;
  }

  static bool is_blocked(WriteTransaction& transaction, const Block& block) {
    return transaction.standing(block.blocked, block.blocker).blocked;
  }

  void touch(std::string_view owner, std::string_view name, std::optional<Timestamp> seen,
             std::optional<std::string> push, std::size_t max_devices = 16) {
    const auto transaction = database().begin();
    transaction->touch_device({{user(owner), device(name)}, seen, std::move(push)}, max_devices);
    transaction->commit();
  }

  // "phone 1000 fcm", or "phone - " when it was never seen and has no registration
  std::vector<std::string> devices(std::string_view owner) {
    std::vector<std::string> found;
    for (const DeviceRow& row : reader()->devices(user(owner))) {
      const auto seen =
          row.last_seen ? std::to_string(row.last_seen->time_since_epoch().count()) : std::string("-");
      found.push_back(row.device.str() + " " + seen + " " + row.push_platform);
    }
    return found;
  }
};

INSTANTIATE_TEST_SUITE_P(Keeping, State, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(State, ABlockIsOneWayAndSaysWhetherItChangedAnything) {
  EXPECT_TRUE(change_block("alice", "bob", true));
  EXPECT_FALSE(change_block("alice", "bob", true));
  EXPECT_TRUE(reader()->is_blocked({user("alice"), user("bob")}));
  EXPECT_FALSE(reader()->is_blocked({user("bob"), user("alice")}));
  EXPECT_TRUE(change_block("alice", "bob", false));
  EXPECT_FALSE(change_block("alice", "bob", false));
  EXPECT_FALSE(change_block("nobody", "noone", false));
  EXPECT_FALSE(reader()->is_blocked({user("alice"), user("bob")}));
}

TEST_P(State, TheWriterSeesABlockAtOnceWithAndWithoutAConversation) {
  const auto transaction = database().begin();
  const Block block{user("alice"), user("bob")};
  EXPECT_FALSE(is_blocked(*transaction, block));
  transaction->block(block);
  EXPECT_TRUE(is_blocked(*transaction, block));
  transaction->append(message("bob", "alice", "b1"));
  EXPECT_TRUE(is_blocked(*transaction, block));
  EXPECT_FALSE(is_blocked(*transaction, {user("bob"), user("alice")}));
  transaction->unblock(block);
  EXPECT_FALSE(is_blocked(*transaction, block));
  transaction->commit();
}

TEST_P(State, ABlockThatWasRolledBackIsForgotten) {
  append(message("bob", "alice", "b1"));
  const Block block{user("alice"), user("bob")};
  {
    const auto transaction = database().begin();
    transaction->block(block);
    EXPECT_TRUE(is_blocked(*transaction, block));
  }
  EXPECT_FALSE(is_blocked(*database().begin(), block));
}

TEST_P(State, BlocksAreListedAndKept) {
  change_block("alice", "carol", true);
  change_block("alice", "bob", true);
  change_block("dave", "alice", true);
  reopen();
  EXPECT_THAT(reader()->blocked_by(user("alice")), UnorderedElementsAre(user("bob"), user("carol")));
  EXPECT_THAT(reader()->blocked_by(user("bob")), IsEmpty());
  std::vector<Block> all;
  reader()->for_each_block([&](const Block& block) { all.push_back(block); });
  EXPECT_THAT(all,
              UnorderedElementsAre(Block{user("alice"), user("bob")}, Block{user("alice"), user("carol")},
                                   Block{user("dave"), user("alice")}));
}

TEST_P(State, ADeviceKeepsWhatAChangeDoesNotSay) {
  touch("alice", "phone", {}, {});
  EXPECT_THAT(devices("alice"), ElementsAre("phone - "));
  touch("alice", "phone", at(1000), {});
  touch("alice", "phone", {}, "fcm");
  EXPECT_THAT(devices("alice"), ElementsAre("phone 1000 fcm"));
  touch("alice", "phone", at(2000), "");
  EXPECT_THAT(devices("alice"), ElementsAre("phone 2000 "));
  touch("alice", "phone", at(1500), {});
  EXPECT_THAT(devices("alice"), ElementsAre("phone 2000 "));
}

TEST_P(State, ANewDeviceCanComeWithEverything) {
  touch("alice", "laptop", at(1000), "webpush");
  touch("bob", "laptop", at(3000), {});
  reopen();
  EXPECT_THAT(devices("alice"), ElementsAre("laptop 1000 webpush"));
  EXPECT_THAT(devices("nobody"), IsEmpty());
}

TEST_P(State, BeyondTheLimitTheDevicesSeenLongestAgoAreForgotten) {
  touch("alice", "never", {}, {}, 3);
  touch("alice", "old", at(1000), {}, 3);
  touch("alice", "new", at(3000), {}, 3);
  touch("bob", "other", at(1), {}, 3);
  touch("alice", "newest", at(4000), {}, 3);
  EXPECT_THAT(devices("alice"), ElementsAre("new 3000 ", "newest 4000 ", "old 1000 "));
  touch("alice", "fresh", {}, "fcm", 3);  // in hand, so it stays
  EXPECT_THAT(devices("alice"), ElementsAre("fresh - fcm", "new 3000 ", "newest 4000 "));
  EXPECT_THAT(devices("bob"), ElementsAre("other 1 "));
  touch("alice", "fresh", {}, "", 3);
  touch("alice", "last", at(5000), {}, 1);
  EXPECT_THAT(devices("alice"), ElementsAre("last 5000 "));
}

TEST_P(State, DevicesWithAPushRegistrationAreNotForgottenForNewerOnesWithout) {
  touch("alice", "phone", at(1), "fcm", 3);
  touch("alice", "tablet", at(2), "webpush", 3);
  for (int i = 0; i < 20; ++i) touch("alice", "tab" + std::to_string(i), at(100 + i), {}, 3);
  EXPECT_THAT(devices("alice"), ElementsAre("phone 1 fcm", "tab19 119 ", "tablet 2 webpush"));
  touch("alice", "phone", {}, "", 3);  // it is pushed no more
  touch("alice", "tab20", at(200), {}, 3);
  EXPECT_THAT(devices("alice"), ElementsAre("tab19 119 ", "tab20 200 ", "tablet 2 webpush"));
}

TEST_P(State, DevicesWithAPushRegistrationAreBoundedToo) {
  constexpr int kTooMany = 100;
  for (int i = 0; i < kTooMany; ++i) touch("alice", "phone" + std::to_string(i), at(i), "fcm", 3);
  const auto kept = reader()->devices(user("alice"));
  EXPECT_EQ(kept.size(), 3 + kMaxRegistrationsPerUser);
  for (const DeviceRow& row : kept) EXPECT_GE(row.last_seen, at(kTooMany - static_cast<int>(kept.size())));
}

TEST_P(State, ARefusedPushRegistrationIsNotedUntilTheDeviceRegistersAgain) {
  const auto note = [&](std::string_view name, const std::string& refused) {
    const auto transaction = database().begin();
    transaction->note_push({user("alice"), device(name)}, refused);
    transaction->commit();
  };
  const auto refused = [&] { return reader()->devices(user("alice")).at(0).push_refused; };
  note("phone", "a device that is not known");
  EXPECT_THAT(devices("alice"), IsEmpty());
  touch("alice", "phone", at(1), {});
  note("phone", "a device without a registration");
  EXPECT_EQ(refused(), "");
  touch("alice", "phone", {}, "fcm");
  note("phone", "no such app");
  EXPECT_EQ(refused(), "no such app");
  touch("alice", "phone", at(2), {});
  EXPECT_EQ(refused(), "no such app");
  note("phone", "");
  EXPECT_EQ(refused(), "");
  note("phone", "the token is gone");
  touch("alice", "phone", {}, "fcm");
  EXPECT_EQ(refused(), "");
}

TEST_P(State, ADeviceWhosePushRegistrationIsRefusedIsForgottenAsOneWithout) {
  touch("alice", "phone", at(1), "fcm", 2);
  {
    const auto transaction = database().begin();
    transaction->note_push({user("alice"), device("phone")}, "the token is gone");
    transaction->commit();
  }
  for (int i = 0; i < 3; ++i) touch("alice", "tab" + std::to_string(i), at(100 + i), {}, 2);
  EXPECT_THAT(devices("alice"), ElementsAre("tab1 101 ", "tab2 102 "));
}

TEST_P(State, AUserWasSeenWhenTheLatestDeviceWas) {
  EXPECT_EQ(reader()->last_seen(user("alice")), std::nullopt);
  touch("alice", "phone", {}, {});
  EXPECT_EQ(reader()->last_seen(user("alice")), std::nullopt);
  touch("alice", "phone", at(1000), {});
  touch("alice", "laptop", at(3000), {});
  touch("alice", "tablet", at(2000), {});
  EXPECT_EQ(reader()->last_seen(user("alice")), at(3000));
}

TEST_P(State, OffsetsArePerNodeAndPartition) {
  const auto transaction = database().begin();
  EXPECT_EQ(transaction->ingest_offset(node('a'), 0), 0U);
  transaction->set_ingest_offset(node('a'), 0, 5);
  transaction->set_ingest_offset(node('a'), 1, 6);
  transaction->set_ingest_offset(node('b'), 0, RecordNumber{1} << 40);
  transaction->commit();
  reopen();
  const auto later = database().begin();
  EXPECT_EQ(later->ingest_offset(node('a'), 0), 5U);
  EXPECT_EQ(later->ingest_offset(node('a'), 1), 6U);
  EXPECT_EQ(later->ingest_offset(node('b'), 0), RecordNumber{1} << 40);
}

TEST_P(State, AnOffsetThatWouldGoBackIsABug) {
  const auto transaction = database().begin();
  transaction->set_ingest_offset(node('a'), 0, 5);
  transaction->set_ingest_offset(node('a'), 0, 5);
  EXPECT_THROW(transaction->set_ingest_offset(node('a'), 0, 4), std::logic_error);
}

TEST_P(State, TheEpochNamesTheStoreAndIsKept) {
  const std::string epoch = database().epoch();
  EXPECT_THAT(epoch, MatchesRegex("[0-9a-f]{16}"));
  reopen();
  EXPECT_EQ(database().epoch(), epoch);
  const TemporaryDirectory elsewhere;
  EXPECT_NE(GetParam().open(elsewhere.path())->epoch(), epoch);
}

}  // namespace
}  // namespace duet
