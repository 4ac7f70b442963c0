// docs/protocol.md section 3, guarantee 5: nothing is missing after having been offline.

#include <gmock/gmock.h>

#include "protocol/json_codec.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Offline : public SharedPlatformTest<Offline> {
 protected:
  const std::string alice_ = fresh_user("alice");
  const std::string bob_ = fresh_user("bob");
};

// "msg a1", "receipt alice 2/2": what a change says, in short.
std::string summary(const json& change) {
  const std::string kind = change.at("kind");
  if (kind != "receipt") return kind + " " + change.at("id").get<std::string>();
  return kind + " " + change.at("by").get<std::string>() + " " + change.at("delivered").dump() + "/" +
         change.at("read").dump();
}

std::vector<std::string> summaries(const Synced& synced) {
  std::vector<std::string> all;
  for (const json& change : synced.changes) all.push_back(summary(change));
  return all;
}

TEST_F(Offline, SyncFromTheLastCursorTellsEveryChangeSince) {
  const auto alice = online(alice_);
  auto bob = online(bob_);
  alice->send(bob_, "seen", "a1");
  bob->wait_message(alice_, "a1");
  const std::string cursor = bob->sync().cursor;
  bob->go_offline();

  alice->send(bob_, "two", "a2");
  alice->send(bob_, "three", "a3");
  const auto laptop = online(bob_, "laptop");  // another device of bob's goes on meanwhile
  laptop->send(alice_, "from my laptop", "b1");
  laptop->receipt(alice_, "read", 3);
  alice->wait_receipt(bob_, bob_, 3, 3);

  bob->go_online();
  const Synced synced = bob->sync(cursor);
  EXPECT_THAT(summaries(synced), ElementsAre("msg a2", "msg a3", "sent b1", "receipt " + bob_ + " 3/3"));
  EXPECT_EQ(synced.changes.back().at("peer"), alice_);
  EXPECT_THAT(bob->sync(synced.cursor).changes, IsEmpty());
  EXPECT_EQ(bob->sync(synced.cursor).cursor, synced.cursor);
}

// A client that remembers the `cur` of the last live envelope goes on from there.
TEST_F(Offline, TheCursorOfALiveEnvelopeIsAPlaceToGoOnFrom) {
  const auto alice = online(alice_);
  auto bob = online(bob_);
  alice->send(bob_, "one", "a1");
  const std::string cursor = bob->wait_message(alice_, "a1").cursor;
  bob->go_offline();
  alice->send(bob_, "two", "a2");
  bob->go_online();
  EXPECT_THAT(summaries(bob->sync(cursor)), ElementsAre("msg a2"));
}

TEST_F(Offline, PagesFollowOneAnotherWithoutGapOrRepeat) {
  const auto alice = online(alice_);
  std::vector<std::string> expected;
  for (int i = 1; i <= 25; ++i) {
    const std::string id = "a" + std::to_string(i);
    alice->send(bob_, "text", id);
    expected.push_back("msg " + id);
  }
  const auto bob = online(bob_);
  for (const int limit : {1, 7, 25, 200}) {
    const Synced synced = bob->sync("", limit);
    EXPECT_EQ(summaries(synced), expected) << "limit " << limit;
    EXPECT_GE(synced.pages, 25U / static_cast<unsigned>(limit)) << "limit " << limit;
  }
}

// What is live while the pages are fetched, and what the pages hold, leave nothing out together.
TEST_F(Offline, SubscribingBeforeSyncLeavesNoGap) {
  constexpr int kCount = 200;
  const auto alice = online(alice_);
  std::vector<std::string> ids;
  const auto publish = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      ids.push_back("a" + std::to_string(i));
      alice->mqtt().publish_async({.topic = msg_topic(alice_, bob_),
                                   .payload = json{{"id", ids.back()}, {"body", "x"}}.dump(),
                                   .correlation = {}});
    }
  };
  publish(0, kCount / 2);
  auto bob = online(bob_);
  publish(kCount / 2, kCount);
  const Synced synced = bob->sync("", 20);
  alice->wait_sent(bob_, ids.back());
  bob->wait_message(alice_, ids.back());
  std::set<Seq> seqs;
  for (const json& change : synced.changes) seqs.insert(change.at("seq").get<Seq>());
  for (const Envelope& envelope : bob->live(alice_, InKind::message)) seqs.insert(envelope.seq);
  EXPECT_THAT(seqs, SizeIs(kCount));
  EXPECT_EQ(*seqs.rbegin(), kCount);
}

TEST_F(Offline, ACursorThisStoreNeverGaveIsReset) {
  const auto alice = online(alice_);
  alice->send(bob_, "text");
  const std::string good = alice->sync().cursor;
  for (const std::string& cursor : {std::string("x"), std::string("0000.1"), "0" + good, good + "0000000",
                                    good + "x", good.substr(0, good.size() / 2), std::string(256, 'a')}) {
    EXPECT_EQ(alice->error_of("sync", {{"cursor", cursor}}), "reset") << cursor;
  }
}

TEST_F(Offline, ACursorThatIsNoneIsMalformed) {
  const auto alice = online(alice_);
  for (const json& cursor :
       {json(7), json::array(), json::object(), json(true), json(std::string(257, 'a'))}) {
    EXPECT_EQ(alice->error_of("sync", {{"cursor", cursor}}), "malformed") << cursor;
  }
}

// Cursors are of one store: a new database does not take the old one's for its own.
class OfflineEpoch : public OwnPlatformTest {};

TEST_F(OfflineEpoch, ACursorOutlivesRestartsAndNotANewDatabase) {
  auto alice = online("alice");
  alice->send("bob", "text", "a1");
  const std::string cursor = alice->sync().cursor;
  alice->send("bob", "text", "a2");
  platform().kill_and_await({Service::broker, Service::store});
  alice->go_online();
  alice->await_store();
  EXPECT_THAT(alice->sync(cursor).changes, SizeIs(1));

  platform().stop();
  std::filesystem::remove_all(platform().data_dir() / "store");
  std::filesystem::remove_all(platform().data_dir() / "journal");
  platform().start();
  alice->go_online();
  alice->await_store();
  alice->send("bob", "a new life");
  EXPECT_EQ(alice->error_of("sync", {{"cursor", cursor}}), "reset");
  EXPECT_THAT(alice->sync().changes, SizeIs(1));
}

}  // namespace
}  // namespace duet
