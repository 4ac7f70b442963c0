// What push asks of a store: the feed, what devices have said, mutes and how a conversation stands.
#include "tests/contract/contract.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Push : public StoreContract {
 protected:
  void register_device(std::string_view owner, std::string_view name, std::string platform = "fcm",
                       std::size_t max_devices = 16) {
    const auto transaction = database().begin();
    transaction->touch_device({{user(owner), device(name)}, {}, std::move(platform)}, max_devices);
    transaction->commit();
  }

  void say(std::string_view owner, std::string_view name, std::string_view peer, Marks marks) {
    const auto transaction = database().begin();
    transaction->note_device_receipt({user(owner), device(name)}, user(peer), marks);
    transaction->commit();
  }

  std::size_t prune(LogNumber through, std::size_t limit = 100) {
    const auto transaction = database().begin();
    const auto gone = transaction->prune_device_receipts(through, limit);
    transaction->commit();
    return gone;
  }

  bool mute(std::string_view me, std::string_view peer, Mute how = {}) {
    const auto transaction = database().begin();
    const bool changed = transaction->mute(user(me), user(peer), how);
    transaction->commit();
    return changed;
  }

  bool unmute(std::string_view me, std::string_view peer) {
    const auto transaction = database().begin();
    const bool found = transaction->unmute(user(me), user(peer));
    transaction->commit();
    return found;
  }

  // "3 alice>bob 2 m2", "4 bob<alice 2/1", "5 bob:phone<alice 2/1"
  static std::string text(const PushEvent& event) {
    if (const auto* message = std::get_if<PushMessage>(&event)) {
      return std::to_string(message->log) + " " + message->from.str() + ">" + message->to.str() + " " +
             std::to_string(message->seq) + " " + message->id.str();
    }
    const auto& receipt = std::get<PushReceipt>(event);
    const std::string by = receipt.by.str() + (receipt.device ? ":" + receipt.device->str() : std::string());
    return std::to_string(receipt.log) + " " + by + "<" + receipt.peer.str() + " " +
           std::to_string(receipt.delivered) + "/" + std::to_string(receipt.read);
  }

  std::vector<std::string> feed(LogNumber after, std::size_t limit = 100,
                                std::size_t max_bytes = kNoByteLimit) {
    std::vector<std::string> found;
    const auto page = reader()->feed(after, limit, max_bytes);
    found.reserve(page.items.size() + 1);
    for (const auto& event : page.items) found.push_back(text(event));
    if (page.more) found.emplace_back("more");
    return found;
  }

  std::optional<PushCheckAnswer::Standing> standing(std::string_view me, std::string_view peer,
                                                    Timestamp now = at(5000)) {
    const std::vector<PushCheck::Pair> pairs{{user(me), user(peer)}};
    return reader()->push_standings(pairs, now).at(0);
  }
  // What a push to `me` may show of the message.
  std::optional<std::string> preview(std::string_view me, std::string_view peer, Seq seq,
                                     Timestamp now = at(5000)) {
    const std::vector<PushCheck::Pair> pairs{{user(me), user(peer), seq}};
    return reader()->push_standings(pairs, now).at(0)->text;
  }
};

INSTANTIATE_TEST_SUITE_P(Asking, Push, testing::ValuesIn(backends()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Push, TheFeedIsTheLogInOneOrder) {
  register_device("bob", "phone");
  append(message("alice", "bob", "m1", 4000));
  append(message("bob", "alice", "m1"));
  say("bob", "phone", "alice", {1, 0});
  raise("bob", "alice", {1, 0});
  append(message("alice", "carol", "m1"));
  EXPECT_THAT(feed(0), ElementsAre("1 alice>bob 1 m1", "2 bob>alice 2 m1", "3 bob:phone<alice 1/0",
                                   "4 bob<alice 1/0", "5 alice>carol 1 m1"));
  EXPECT_THAT(feed(3), ElementsAre("4 bob<alice 1/0", "5 alice>carol 1 m1"));
  EXPECT_THAT(feed(5), IsEmpty());
  EXPECT_THAT(feed(kMaxSeq), IsEmpty());
  EXPECT_EQ(std::get<PushMessage>(reader()->feed(0, 1, kNoByteLimit).items.at(0)).ts, at(4000));
}

TEST_P(Push, AMarkStandsInTheFeedWithItsLastState) {
  append_many("alice", "bob", 3);
  raise("bob", "alice", {1, 0});
  raise("bob", "alice", {3, 2});
  EXPECT_THAT(feed(3), ElementsAre("5 bob<alice 3/2"));
}

TEST_P(Push, APageEndsAtItsLimitOrItsBytes) {
  append_many("alice", "bob", 4);
  raise("bob", "alice", {4, 0});
  EXPECT_THAT(feed(0, 2), ElementsAre("1 alice>bob 1 m1", "2 alice>bob 2 m2", "more"));
  EXPECT_THAT(feed(2, 3), ElementsAre("3 alice>bob 3 m3", "4 alice>bob 4 m4", "5 bob<alice 4/0"));
  EXPECT_THAT(feed(0, 100, 1), ElementsAre("1 alice>bob 1 m1", "more"));
  const auto bytes = max_size_on_page(reader()->feed(0, 1, kNoByteLimit).items.at(0));
  EXPECT_THAT(feed(0, 100, 3 * bytes), SizeIs(4));  // three and the word that there is more
}

TEST_P(Push, OnlyDevicesWithARegistrationAreNoted) {
  register_device("bob", "phone");
  append_many("alice", "bob", 2);
  say("bob", "laptop", "alice", {1, 1});
  say("bob", "phone", "alice", {1, 0});
  say("nobody", "phone", "alice", {1, 0});
  register_device("bob", "phone", "");
  say("bob", "phone", "alice", {2, 0});
  register_device("bob", "laptop", "webpush");
  say("bob", "laptop", "alice", {2, 1});
  EXPECT_THAT(feed(2), ElementsAre("3 bob:phone<alice 1/0", "4 bob:laptop<alice 2/1"));
}

TEST_P(Push, ADeviceThatIsForgottenForOthersIsNotNotedAnyMore) {
  register_device("bob", "phone");
  append_many("alice", "bob", 1);
  say("bob", "phone", "alice", {1, 0});
  for (std::size_t i = 0; i <= kMaxRegistrationsPerUser; ++i) {
    register_device("bob", "other" + std::to_string(i), "apns", 1);
  }
  say("bob", "phone", "alice", {1, 1});
  EXPECT_THAT(feed(1), ElementsAre("2 bob:phone<alice 1/0"));
}

TEST_P(Push, ADeviceIsNotedAlsoWhenItRaisesNothingButNotForWhatIsNotThere) {
  register_device("bob", "phone");
  append_many("alice", "bob", 2);
  raise("bob", "alice", {2, 2});
  say("bob", "phone", "alice", {0, 2});  // read implies delivered
  say("bob", "phone", "alice", {3, 0});
  say("bob", "phone", "alice", {0, 0});
  say("bob", "phone", "carol", {1, 0});
  EXPECT_THAT(feed(2), ElementsAre("3 bob<alice 2/2", "4 bob:phone<alice 2/2"));
  EXPECT_EQ(reader()->last_log_number(), 4U);
}

TEST_P(Push, WhatWasRolledBackWasNotSaid) {
  append_many("alice", "bob", 1);
  {
    const auto transaction = database().begin();
    transaction->touch_device({{user("bob"), device("phone")}, {}, "fcm"}, 16);
    transaction->note_device_receipt({user("bob"), device("phone")}, user("alice"), {1, 0});
  }
  say("bob", "phone", "alice", {1, 0});  // it has no registration
  EXPECT_THAT(feed(1), IsEmpty());
  append(message("alice", "bob", "m2"));
  EXPECT_THAT(feed(1), ElementsAre("2 alice>bob 2 m2"));
}

TEST_P(Push, PrunedIsUpToANumberAndNeverTheNewest) {
  register_device("bob", "phone");
  append_many("alice", "bob", 1);
  for (int i = 0; i < 4; ++i) say("bob", "phone", "alice", {1, 0});  // 2, 3, 4, 5
  EXPECT_EQ(prune(3, 1), 1U);
  EXPECT_THAT(feed(1), SizeIs(3));
  EXPECT_EQ(prune(3), 1U);
  EXPECT_THAT(feed(1), ElementsAre("4 bob:phone<alice 1/0", "5 bob:phone<alice 1/0"));
  EXPECT_EQ(prune(kMaxSeq), 1U);
  EXPECT_EQ(prune(kMaxSeq), 0U);
  EXPECT_THAT(feed(1), ElementsAre("5 bob:phone<alice 1/0"));
}

// The count of log numbers does not go back, whatever is pruned: a place in the log stays one.
TEST_P(Push, ANumberIsGivenOnceAlsoAfterPruningAndReopening) {
  register_device("bob", "phone");
  append_many("alice", "bob", 1);
  say("bob", "phone", "alice", {1, 0});
  say("bob", "phone", "alice", {1, 0});
  prune(kMaxSeq);
  reopen();
  EXPECT_EQ(reader()->last_log_number(), 3U);
  EXPECT_EQ(append(message("alice", "bob", "m2")).message.log_number, 4U);
}

// The small backend keeps 5 rows; the large one keeps them all here.
TEST_P(Push, TheOldestGoWhenThereAreTooMany) {
  const bool small = GetParam().name == "SqliteTiny";
  register_device("bob", "phone");
  append_many("alice", "bob", 1);
  for (int i = 0; i < 4; ++i) say("bob", "phone", "alice", {1, 0});
  reopen();  // those from before are counted too
  for (int i = 0; i < 6; ++i) say("bob", "phone", "alice", {1, 0});
  EXPECT_THAT(feed(1), SizeIs(small ? 5 : 10));
  EXPECT_EQ(feed(1).back(), "11 bob:phone<alice 1/0");
}

TEST_P(Push, AStandingIsTheUsersOwn) {
  append_many("alice", "bob", 5);
  append(message("bob", "alice", "b1"));
  append(message("carol", "bob", "c1"));
  raise("bob", "alice", {5, 2});
  const auto bobs = standing("bob", "alice");
  ASSERT_TRUE(bobs);
  EXPECT_EQ(*bobs, (PushCheckAnswer::Standing{2, 6, false, false, 4}));  // three of alice's, one of carol's
  EXPECT_EQ(standing("alice", "bob"), (PushCheckAnswer::Standing{0, 6, false, false, 1}));
  EXPECT_EQ(standing("alice", "carol"), std::nullopt);
  EXPECT_EQ(standing("alice", "nobody"), std::nullopt);
  EXPECT_EQ(standing("nobody", "alice"), std::nullopt);
  EXPECT_EQ(standing("alice", "alice"), std::nullopt);
}

TEST_P(Push, ATextIsThatOfTheMessageThatIsAskedFor) {
  append(message("alice", "bob", "m1", 1000, "one"));
  append(message("alice", "bob", "m2", 1000, ""));
  append(message("bob", "alice", "m3", 1000, "three"));
  append(message("alice", "bob", "m4", 1000, std::string(kMaxPreviewBytes - 1, 'a') + "\xc3\xa4"));
  EXPECT_EQ(preview("bob", "alice", 1), "one");
  EXPECT_EQ(preview("bob", "alice", 2), "");
  EXPECT_EQ(preview("bob", "alice", 4), std::string(kMaxPreviewBytes - 1, 'a'));  // no half of a character
  EXPECT_EQ(preview("alice", "bob", 3), "three");
  EXPECT_EQ(standing("bob", "alice")->text, std::nullopt) << "it was not asked for";
  for (const Seq seq : {Seq{0}, Seq{5}, kMaxSeq})
    EXPECT_EQ(preview("bob", "alice", seq), std::nullopt) << seq;
  EXPECT_EQ(preview("bob", "alice", 3), std::nullopt) << "it is bob's own";
  raise("bob", "alice", {4, 1});
  EXPECT_EQ(preview("bob", "alice", 1), std::nullopt) << "it was read";
  EXPECT_EQ(preview("bob", "alice", 2), "");
  reopen();
  EXPECT_EQ(preview("bob", "alice", 2), "");
}

TEST_P(Push, WhatIsNotTextHasNone) {
  for (const auto& [id, type] : {std::pair("m1", "application/x-ciphertext"), {"m2", "Text/Markdown"}}) {
    auto one = message("alice", "bob", id);
    one.type = type;
    append(one);
  }
  EXPECT_EQ(preview("bob", "alice", 1), std::nullopt);
  EXPECT_EQ(preview("bob", "alice", 2), "hello");
}

TEST_P(Push, NoTextIsOfWhatIsBlockedOrMuted) {
  append(message("alice", "bob", "m1"));
  EXPECT_EQ(preview("bob", "alice", 1), "hello");
  mute("bob", "alice", {at(1000)});
  EXPECT_EQ(preview("bob", "alice", 1, at(999)), std::nullopt);
  EXPECT_EQ(preview("bob", "alice", 1, at(1000)), "hello");
  mute("alice", "bob");   // the other way: nothing to bob
  block("alice", "bob");  // neither
  EXPECT_EQ(preview("bob", "alice", 1), "hello");
  block("bob", "alice");
  EXPECT_EQ(preview("bob", "alice", 1), std::nullopt);
}

TEST_P(Push, AStrangersRequestHasNoTextUntilItIsAccepted) {
  NewMessage asking = message("alice", "bob", "m1");
  asking.asks = true;
  append(asking);
  EXPECT_EQ(standing("bob", "alice"), (PushCheckAnswer::Standing{0, 1, false, false, 1}));
  EXPECT_EQ(preview("bob", "alice", 1), std::nullopt);
  {
    const auto transaction = database().begin();
    transaction->accept(user("bob"), user("alice"));
    transaction->commit();
  }
  EXPECT_EQ(preview("bob", "alice", 1), "hello");
}

TEST_P(Push, StandingsComeInTheOrderOfTheQuestion) {
  append_many("alice", "bob", 2);
  append_many("carol", "bob", 3);
  const std::vector<PushCheck::Pair> pairs{
      {user("bob"), user("carol")}, {user("bob"), user("dave")}, {user("bob"), user("alice")}};
  const auto standings = reader()->push_standings(pairs, at(1));
  ASSERT_THAT(standings, SizeIs(3));
  EXPECT_EQ(standings[0], (PushCheckAnswer::Standing{0, 3, false, false, 5}));
  EXPECT_EQ(standings[1], std::nullopt);
  EXPECT_EQ(standings[2], (PushCheckAnswer::Standing{0, 2, false, false, 5}));
}

TEST_P(Push, WhatIsBlockedOrMutedIsOnNoBadge) {
  append_many("alice", "bob", 2);
  append_many("carol", "bob", 3);
  append_many("bob", "dave", 1);
  append_many("dave", "bob", 4);
  block("bob", "alice");
  block("carol", "bob");  // the other way: nothing to bob
  EXPECT_EQ(standing("bob", "alice"), (PushCheckAnswer::Standing{0, 2, true, false, 7}));
  mute("bob", "dave");
  mute("carol", "bob");
  EXPECT_EQ(standing("bob", "dave"), (PushCheckAnswer::Standing{0, 5, false, true, 3}));
  EXPECT_EQ(standing("bob", "carol"), (PushCheckAnswer::Standing{0, 3, false, false, 3}));
}

TEST_P(Push, AMuteEndsByItself) {
  append_many("alice", "bob", 2);
  EXPECT_TRUE(mute("bob", "alice", {at(1000)}));
  EXPECT_EQ(standing("bob", "alice", at(999)), (PushCheckAnswer::Standing{0, 2, false, true, 0}));
  EXPECT_EQ(standing("bob", "alice", at(1000)), (PushCheckAnswer::Standing{0, 2, false, false, 2}));
  EXPECT_TRUE(mute("bob", "alice"));  // the last word counts
  EXPECT_TRUE(standing("bob", "alice", at(2000))->muted);
  EXPECT_TRUE(unmute("bob", "alice"));
  EXPECT_FALSE(standing("bob", "alice", at(1))->muted);
}

TEST_P(Push, AMuteIsShownToItsUserAlone) {
  append_many("alice", "bob", 1);
  const auto shown = [&](std::string_view me) {
    return reader()->conversations(user(me), {}, 1, kNoByteLimit).items.at(0).summary.mute;
  };
  EXPECT_EQ(shown("bob"), std::nullopt);
  mute("bob", "alice", {at(7)});
  EXPECT_EQ(shown("bob"), Mute{at(7)});
  EXPECT_EQ(shown("alice"), std::nullopt);
  reopen();
  EXPECT_EQ(shown("bob"), Mute{at(7)});
}

TEST_P(Push, ThereIsNoMuteWithoutAConversation) {
  append_many("alice", "bob", 1);
  EXPECT_FALSE(mute("alice", "carol"));
  EXPECT_FALSE(mute("alice", "alice"));
  EXPECT_FALSE(unmute("nobody", "alice"));
  {
    const auto transaction = database().begin();
    transaction->append(message("alice", "carol", "m1"));
    EXPECT_TRUE(transaction->mute(user("carol"), user("alice"), {}));
    transaction->commit();
  }
  EXPECT_TRUE(standing("carol", "alice")->muted);
}

}  // namespace
}  // namespace duet
