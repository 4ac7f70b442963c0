// What push is told by the store, over the real broker, to a bridge that the test plays.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "protocol/push_payload.h"
#include "protocol/topic.h"
#include "tests/support/platform_test.h"
#include "tests/support/verify_platform.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kFeedAsk = "svc/push/feed";
const std::string kFeedPage = "svc/store/feed";
const std::string kCheck = "svc/push/check";
const std::string kCheckAnswer = "svc/store/check";

// Keeps its place as the contract says: an ask is repeated until its page has come, others are passed over.
class PlayedBridge {
 public:
  // `before`: whose place it goes on from.
  explicit PlayedBridge(const TestPlatform& platform, const PlayedBridge* before = nullptr)
      : client_({.port = platform.mqtt_port(),
                 .client_id = "duet-push",
                 .username = std::nullopt,
                 .password = platform.tokens().service(Role::push),
                 .will = std::nullopt}),
        epoch_(before != nullptr ? before->epoch_ : ""),
        after_(before != nullptr ? before->after_ : 0) {
    EXPECT_EQ(client_.connect(), kSuccess);
    for (const auto& topic : {kFeedPage, kCheckAnswer, std::string(kPushFilter)}) {
      EXPECT_LT(client_.subscribe(topic), 0x80);
    }
  }

  // Asks for what comes after its place, without waiting.
  void ask() { client_.publish_async(publish_of(kFeedAsk, format_push_feed_ask({epoch_, after_}))); }

  // Waits for the page that answers, and moves on.
  PushFeedPage page() {
    std::optional<PushFeedPage> found;
    const auto is_answer = [&](const Received& received) {
      if (received.topic != kFeedPage) return false;
      auto page = parse_push_feed_page(received.payload);
      EXPECT_TRUE(page) << received.payload;
      const bool mine =
          page && (page->reset ? page->epoch != epoch_ : page->epoch == epoch_ && page->after == after_);
      if (mine) found = std::move(page);
      return mine;
    };
    // Nobody keeps an ask: not the store that dies, nor the broker for one that is not there yet.
    for (int attempt = 0; attempt < 60 && !client_.wait_for(is_answer, std::chrono::seconds(1)); ++attempt)
      ask();
    if (!found) throw std::runtime_error("no page");
    epoch_ = found->epoch;
    after_ = found->through;
    return *found;
  }
  PushFeedPage next() {
    ask();
    return page();
  }
  // Everything up to the present end, in order; at least `count` events.
  std::vector<PushEvent> events(std::size_t count) {
    std::vector<PushEvent> all;
    for (bool more = true; more || all.size() < count;) {
      auto page = next();
      more = page.more;
      for (auto& event : page.events) all.push_back(std::move(event));
    }
    return all;
  }

  PushCheckAnswer check(const std::vector<std::pair<std::string, std::string>>& pairs) {
    PushCheck check{"check " + std::to_string(++checks_), {}};
    for (const auto& [user, peer] : pairs) check.of.push_back({*UserId::parse(user), *UserId::parse(peer)});
    EXPECT_TRUE(accepted(client_.publish(publish_of(kCheck, format_push_check(check)))));
    std::optional<PushCheckAnswer> answer;
    client_.wait_for([&](const Received& received) {
      if (received.topic != kCheckAnswer) return false;
      answer = parse_push_check_answer(received.payload);
      return answer && answer->req == check.req;
    });
    if (!answer) throw std::runtime_error("no answer to a check");
    return *answer;
  }

  TestClient& mqtt() { return client_; }

 private:
  static Publish publish_of(const std::string& topic, std::string payload) {
    return {.topic = topic, .payload = std::move(payload), .correlation = {}};
  }

  TestClient client_;
  std::string epoch_;
  std::uint64_t after_ = 0;
  int checks_ = 0;
};

// "alice>bob 1 m1", "bob:phone<alice 1/0", "bob<alice 1/0"
std::vector<std::string> event_texts(const std::vector<PushEvent>& events) {
  std::vector<std::string> texts;
  for (const auto& event : events) {
    if (const auto* message = std::get_if<PushMessage>(&event)) {
      texts.push_back(message->from.str() + ">" + message->to.str() + " " + std::to_string(message->seq) +
                      " " + message->id.str());
    } else {
      const auto& receipt = std::get<PushReceipt>(event);
      const auto device = receipt.device ? ":" + receipt.device->str() : std::string();
      texts.push_back(receipt.by.str() + device + "<" + receipt.peer.str() + " " +
                      std::to_string(receipt.delivered) + "/" + std::to_string(receipt.read));
    }
  }
  return texts;
}

class PushFeedStory : public OwnPlatformTest {
 protected:
  // Registered when a request after it is answered: the store has it.
  void register_push(TestDevice& device) {
    EXPECT_TRUE(accepted(device.mqtt().publish(
        {.topic = device.push_topic(), .payload = R"({"platform":"fcm","token":"t"})", .correlation = {}})));
    const bool stored = eventually([&] {
      const json devices = device.result("devices").at("devices");
      return std::ranges::any_of(devices, [&](const auto& row) {
        return row.at("device") == device.device() && row.at("push") == "fcm";
      });
    });
    if (!stored) throw std::runtime_error("the registration is not stored");
  }
};

TEST_F(PushFeedStory, ALongPollTellsOfEveryMessageAndOfReceiptsByDevice) {
  const auto alice = online("alice");
  alice->send("bob", "from before", "m0");
  PlayedBridge bridge(platform());
  EXPECT_TRUE(bridge.next().reset);  // a new bridge begins at the present end

  const auto phone = online("bob", "phone");
  const auto laptop = online("bob", "laptop");
  register_push(*phone);
  bridge.ask();  // and waits
  alice->send("bob", "secret words", "m1");
  const auto page = bridge.page();
  EXPECT_THAT(event_texts(page.events), ElementsAre("alice>bob 2 m1"));

  laptop->receipt("alice", "read", 2);
  alice->wait_receipt("bob", "bob", 2, 2);
  phone->receipt("alice", "delivered", 2);  // raises nothing, and nobody else is told
  EXPECT_THAT(event_texts(bridge.events(2)), ElementsAre("bob<alice 2/2", "bob:phone<alice 2/0"));
  for (const auto& received : bridge.mqtt().inbox()) {
    EXPECT_THAT(received.payload, Not(testing::HasSubstr("secret")));
  }
}

TEST_F(PushFeedStory, NothingIsMissingOrTwiceAcrossTheStoresDeath) {
  PlayedBridge bridge(platform());
  bridge.next();
  const auto alice = online("alice");
  std::vector<std::string> expected;
  std::vector<PushEvent> heard;
  for (int death = 0; death < 3; ++death) {
    bridge.ask();
    for (int i = 0; i < 20; ++i) {
      const auto id = "m" + std::to_string(expected.size() + 1);
      ASSERT_TRUE(accepted(alice->publish_message("bob", "x", id)));
      expected.push_back("alice>bob " + std::to_string(expected.size() + 1) + " " + id);
    }
    platform().kill_and_await({Service::store});
    while (heard.size() < expected.size()) {
      for (auto& event : bridge.next().events) heard.push_back(std::move(event));
    }
  }
  EXPECT_EQ(event_texts(heard), expected);
}

TEST_F(PushFeedStory, APlaceOfAnotherEpochIsReset) {
  PlayedBridge bridge(platform());
  bridge.next();
  {
    const auto alice = online("alice");
    alice->send("bob", "x", "m1");
    EXPECT_THAT(bridge.events(1), SizeIs(1));
  }
  const TempDir directory;
  const auto backup = (directory.path() / "backup.db").string();
  const auto database = database_of(platform()).string();
  ASSERT_EQ(run_command({program("duet-store"), "backup", "--database", database, "--to", backup}).status, 0);
  platform().stop();
  ASSERT_EQ(
      run_command({program("duet-store"), "restore", "--backup", backup, "--database", database, "--replace"})
          .status,
      0);
  platform().start();
  const auto alice = online("alice");
  alice->send("bob", "y", "m2");

  PlayedBridge again(platform(), &bridge);
  const auto reset = again.next();
  EXPECT_TRUE(reset.reset);
  EXPECT_THAT(reset.events, IsEmpty());
  alice->send("bob", "z", "m3");
  EXPECT_THAT(event_texts(again.next().events), ElementsAre("alice>bob 3 m3"));
}

TEST_F(PushFeedStory, ACheckKnowsOfReadsBlocksAndMutes) {
  PlayedBridge bridge(platform());
  const auto alice = online("alice");
  const auto carol = online("carol");
  const auto bob = online("bob");
  alice->send("bob", "one");
  alice->send("bob", "two");
  carol->send("bob", "three");
  using Standing = PushCheckAnswer::Standing;
  EXPECT_THAT(bridge.check({{"bob", "alice"}, {"bob", "eve"}, {"bob", "carol"}}).of,
              ElementsAre(Standing{0, 2, false, false, 3}, std::nullopt, Standing{0, 1, false, false, 3}));

  bob->receipt("alice", "read", 1);
  alice->wait_receipt("bob", "bob", 1, 1);
  EXPECT_THAT(bridge.check({{"bob", "alice"}}).of, ElementsAre(Standing{1, 2, false, false, 2}));

  EXPECT_EQ(bob->result("mute", {{"with", "alice"}}), json::object());
  EXPECT_EQ(bob->result("conversations").at("conversations").at(1).at("muted"), true);
  EXPECT_THAT(bridge.check({{"bob", "alice"}}).of, ElementsAre(Standing{1, 2, false, true, 1}));
  alice->send("bob", "muted, and delivered as ever", "m3");
  bob->wait_message("alice", "m3");

  bob->result("block", {{"with", "carol"}});
  EXPECT_THAT(bridge.check({{"bob", "carol"}, {"bob", "alice"}}).of,
              ElementsAre(Standing{0, 1, true, false, 0}, Standing{1, 3, false, true, 0}));
  bob->result("unmute", {{"with", "alice"}});
  bob->result("unblock", {{"with", "carol"}});
  EXPECT_THAT(bridge.check({{"bob", "alice"}}).of, ElementsAre(Standing{1, 3, false, false, 3}));
  EXPECT_EQ(bob->error_of("mute", {{"with", "eve"}}), "not_found");
}

TEST_F(PushFeedStory, AUserNeitherAsksNorHears) {
  PlayedBridge bridge(platform());
  bridge.next();
  const auto eve = online("eve");
  for (const auto& topic : {kFeedAsk, kFeedPage, kCheck, kCheckAnswer}) {
    EXPECT_EQ(eve->mqtt().subscribe(topic), kNotAuthorized) << topic;
    EXPECT_EQ(
        eve->mqtt().publish({.topic = topic, .payload = R"({"epoch":"","after":0})", .correlation = {}}),
        kNotAuthorized)
        << topic;
  }
  const auto alice = online("alice");
  alice->send("bob", "x", "m1");
  EXPECT_THAT(event_texts(bridge.next().events), ElementsAre("alice>bob 1 m1"));
  eve->round_trip();
  for (const auto& received : eve->mqtt().inbox()) {
    EXPECT_FALSE(received.topic.starts_with("svc/")) << received.topic;
  }
}

}  // namespace
}  // namespace duet
