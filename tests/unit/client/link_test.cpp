// The link against a plain Mosquitto without our plugin: what it promises of MQTT alone.
#include "mqtt_link/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/patience.h"
#include "tests/support/process.h"
#include "tests/unit/client/link_witness.h"
#include "tests/unit/client/plain_broker.h"

namespace duet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LinkTest : public ::testing::TestWithParam<int> {
 protected:
  LinkOptions options(const PlainBroker& broker, const std::string& client_id) const {
    LinkOptions result;
    result.uri = broker.uri();
    result.client_id = client_id;
    result.mqtt_version = GetParam();
    result.max_backoff = std::chrono::milliseconds(500);
    return result;
  }
};

INSTANTIATE_TEST_SUITE_P(Mqtt, LinkTest, ::testing::Values(4, 5), [](const auto& version) {
  return version.param == 4 ? std::string("V3_1_1") : std::string("V5");
});

TEST_P(LinkTest, DeliversWhatItPublishesInOrder) {
  PlainBroker broker;
  Witness witness;
  auto opt = options(broker, "a:1");
  opt.subscriptions = {{"t/#", 1}, {"s/#", 1}};
  Link link(opt, witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));

  std::vector<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    expected.push_back(std::to_string(i));
    const Link::Publish message{.topic = "t/1", .payload = expected.back()};
    ASSERT_EQ(link.publish(message, witness.done()), PublishResult::accepted);
  }
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.acknowledged == 2000; }));
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.messages.size() == 2000; }));
  EXPECT_EQ(witness.messages, expected);
  EXPECT_EQ(witness.failed, 0);
}

TEST_P(LinkTest, TakesABurstAboveTheReceiveMaximum) {
  PlainBroker broker("allow_anonymous true\nmax_inflight_messages 20\n");
  Witness witness;
  Link link(options(broker, "a:1"), witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(link.publish({.topic = "t", .payload = "x"}, witness.done()), PublishResult::accepted);
  }
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.acknowledged == 500; }));
}

TEST_P(LinkTest, AnswersEveryPublishWhenTheBrokerDiesAndConnectsAgain) {
  PlainBroker broker;
  Witness witness;
  auto opt = options(broker, "a:1");
  opt.subscriptions = {{"t", 1}};
  std::atomic<int> passwords = 0;
  opt.password = [&passwords] { return "token " + std::to_string(++passwords); };
  Link link(opt, witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  EXPECT_EQ(passwords, 1);

  broker.freeze();
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(link.publish({.topic = "t", .payload = "lost"}, witness.done()), PublishResult::accepted);
  }
  broker.kill();
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.failed == 300; }));
  EXPECT_FALSE(link.connected());
  EXPECT_EQ(link.publish({.topic = "t", .payload = "no"}, witness.done()), PublishResult::not_connected);

  EXPECT_TRUE(eventually([&] { return passwords > 2; })) << "one password for each attempt";
  broker.start();
  ASSERT_TRUE(witness.wait_connected(2));
  ASSERT_EQ(link.publish({.topic = "t", .payload = "back"}, witness.done()), PublishResult::accepted);
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.acknowledged == 1; }));
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return !w.messages.empty(); }));
  EXPECT_EQ(witness.failed, 300);
  EXPECT_EQ(witness.messages, std::vector<std::string>{"back"}) << "nothing of the old connection is sent";
}

// The broker tells an MQTT 5 client 0x95, and closes the connection of another.
TEST_P(LinkTest, ConnectsAgainAfterAPacketThatIsTooLarge) {
  PlainBroker broker("allow_anonymous true\nmax_packet_size 1000\n");
  Witness witness;
  Link link(options(broker, "a:1"), witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  const std::string large(2000, 'x');
  ASSERT_EQ(link.publish({.topic = "t", .payload = large}, witness.done()), PublishResult::accepted);
  ASSERT_TRUE(witness.wait_connected(2));
  EXPECT_EQ(witness.failed, 1);
  ASSERT_EQ(link.publish({.topic = "t", .payload = "small"}, witness.done()), PublishResult::accepted);
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.acknowledged == 1; }));
}

TEST_P(LinkTest, ConnectsAgainWhenTheBrokerWasShutDown) {
  PlainBroker broker;
  Witness witness;
  Link link(options(broker, "a:1"), witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  broker.shut_down();
  EXPECT_TRUE(eventually([&] { return !link.connected(); }));
  broker.start();
  ASSERT_TRUE(witness.wait_connected(2));
}

TEST_P(LinkTest, SaysWhyItIsRefusedOnceAndGoesOnTrying) {
  PlainBroker broker("allow_anonymous false\n");
  Witness witness;
  auto opt = options(broker, "a:1");
  std::atomic<int> attempts = 0;
  opt.password = [&attempts] {
    ++attempts;
    return std::string("wrong");
  };
  {
    Link link(opt, witness.handlers());
    link.start();
    EXPECT_TRUE(eventually([&] { return attempts >= 3; }));
  }
  ASSERT_EQ(witness.states.size(), 1U);
  EXPECT_THAT(witness.states[0], HasSubstr("not authorized"));
}

TEST_P(LinkTest, APasswordThatThrowsIsAFailedAttempt) {
  PlainBroker broker;
  Witness witness;
  auto opt = options(broker, "a:1");
  std::atomic<int> attempts = 0;
  opt.password = [&attempts]() -> std::string {
    if (++attempts == 1) throw std::runtime_error("no token yet");
    return "token";
  };
  Link link(opt, witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.states.size() >= 2; }));
  EXPECT_THAT(witness.states[0], HasSubstr("no token yet"));
}

TEST_P(LinkTest, ReconnectUsesAFreshPasswordAndSendsNoWill) {
  PlainBroker broker;
  Witness watcher;
  auto watching = options(broker, "w:1");
  watching.subscriptions = {{"will", 1}};
  Link watch(watching, watcher.handlers());

  Witness witness;
  auto opt = options(broker, "a:1");
  opt.will = {"will", "gone"};
  std::atomic<int> passwords = 0;
  opt.password = [&passwords] { return std::to_string(++passwords); };
  Link link(opt, witness.handlers());
  watch.start();
  link.start();
  ASSERT_TRUE(watcher.wait_connected(1));
  ASSERT_TRUE(witness.wait_connected(1));

  link.reconnect();
  ASSERT_TRUE(witness.wait_connected(2));
  EXPECT_EQ(passwords, 2);
  ASSERT_EQ(link.publish({.topic = "will", .payload = "marker"}), PublishResult::accepted);
  EXPECT_TRUE(watcher.wait_until([](const Witness& w) { return !w.messages.empty(); }));
  EXPECT_THAT(watcher.messages, ElementsAre("marker"));
}

TEST_P(LinkTest, TheWillIsSentWhenTheConnectionIsLost) {
  PlainBroker broker;
  Witness watcher;
  auto watching = options(broker, "w:1");
  watching.subscriptions = {{"will", 1}};
  Link watch(watching, watcher.handlers());
  Witness first;
  auto opt = options(broker, "a:1");
  opt.will = {"will", "gone"};
  auto link = std::make_unique<Link>(opt, first.handlers());
  watch.start();
  link->start();
  ASSERT_TRUE(watcher.wait_connected(1));
  ASSERT_TRUE(first.wait_connected(1));

  Witness second;  // takes the client id over
  opt.will.reset();
  Link other(opt, second.handlers());
  other.start();
  EXPECT_TRUE(watcher.wait_until([](const Witness& w) { return !w.messages.empty(); }));
  EXPECT_EQ(watcher.messages[0], "gone");
}

TEST_P(LinkTest, AHandlerThatThrowsEndsTheConnectionAndNothingElse) {
  PlainBroker broker;
  Witness witness;
  auto handlers = witness.handlers();
  std::atomic<bool> thrown = false;
  handlers.on_message = [&thrown](const LinkMessage&) {
    if (!thrown.exchange(true)) throw std::runtime_error("the database is gone");
  };
  auto opt = options(broker, "a:1");
  opt.subscriptions = {{"t", 1}};
  Link link(opt, handlers);
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  ASSERT_EQ(link.publish({.topic = "t", .payload = "x"}), PublishResult::accepted);
  ASSERT_TRUE(witness.wait_connected(2));
  EXPECT_TRUE(witness.wait_until([](const Witness& w) {
    return std::ranges::any_of(
        w.states, [](const auto& s) { return s.find("the database is gone") != std::string::npos; });
  }));
}

TEST_P(LinkTest, PublishesUnderALockThatItsHandlerTakes) {
  PlainBroker broker;
  Witness witness;
  std::mutex shared;
  auto handlers = witness.handlers();
  const auto note_message = handlers.on_message;
  handlers.on_message = [&](const LinkMessage& message) {
    const std::lock_guard lock(shared);
    note_message(message);
  };
  auto opt = options(broker, "a:1");
  opt.subscriptions = {{"t", 1}};
  Link link(opt, handlers);
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  for (int i = 0; i < 500; ++i) {
    const std::lock_guard lock(shared);
    ASSERT_EQ(link.publish({.topic = "t", .payload = "x"}), PublishResult::accepted);
  }
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.messages.size() == 500; }));
}

TEST_P(LinkTest, ABoundedNumberOfMessagesWaits) {
  PlainBroker broker;
  Witness witness;
  {
    Link link(options(broker, "a:1"), witness.handlers());
    link.start();
    ASSERT_TRUE(witness.wait_connected(1));
    broker.freeze();
    int accepted = 0;
    while (link.publish({.topic = "t", .payload = "x"}, witness.done()) == PublishResult::accepted)
      ++accepted;
    EXPECT_EQ(accepted, 10'000);
    EXPECT_EQ(link.publish({.topic = "t", .payload = "x"}), PublishResult::queue_full);
  }
  EXPECT_EQ(witness.failed + witness.acknowledged, 10'000) << "a link that goes answers what is left";
}

TEST_P(LinkTest, ALinkThatGoesFinishesWhatItAccepted) {
  PlainBroker broker;
  Witness watcher;
  auto watching = options(broker, "w:1");
  watching.subscriptions = {{"t", 1}};
  Link watch(watching, watcher.handlers());
  Witness witness;
  watch.start();
  {
    Link link(options(broker, "a:1"), witness.handlers());
    link.start();
    ASSERT_TRUE(watcher.wait_connected(1));
    ASSERT_TRUE(witness.wait_connected(1));
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(link.publish({.topic = "t", .payload = "x"}, witness.done()), PublishResult::accepted);
    }
  }
  EXPECT_EQ(witness.acknowledged, 50);
  EXPECT_TRUE(watcher.wait_until([](const Witness& w) { return w.messages.size() == 50; }));
}

TEST_P(LinkTest, ALinkThatNeverStartedOrNeverConnectedGoesAtOnce) {
  const PlainBroker broker;
  Witness witness;
  auto opt = options(broker, "a:1");
  { const Link never(opt, witness.handlers()); }
  opt.uri = "mqtt://127.0.0.1:" + std::to_string(free_port());
  Link nobody(opt, witness.handlers());
  nobody.start();
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return !w.states.empty(); }));
  EXPECT_EQ(nobody.publish({.topic = "t", .payload = "x"}), PublishResult::not_connected);
}

TEST(LinkV5Test, CarriesCorrelationData) {
  PlainBroker broker;
  Witness witness;
  LinkOptions opt;
  opt.uri = broker.uri();
  opt.client_id = "a:1";
  opt.subscriptions = {{"t", 1}};
  Link link(opt, witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  const std::string bytes("\0\xff\x01", 3);
  ASSERT_EQ(link.publish({.topic = "t", .payload = "1", .correlation_data = bytes}), PublishResult::accepted);
  ASSERT_EQ(link.publish({.topic = "t", .payload = "2"}), PublishResult::accepted);
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.messages.size() == 2; }));
  EXPECT_THAT(witness.correlations, ElementsAre(bytes, ""));
}

TEST(LinkV5Test, ARefusedPublishIsTold) {
  TempDir directory;
  const auto acl = directory.path() / "acl";
  std::ofstream(acl) << "topic readwrite open/#\n";
  std::filesystem::permissions(directory.path(), std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  PlainBroker broker("allow_anonymous true\nacl_file " + acl.string() + "\n");
  Witness witness;
  LinkOptions opt;
  opt.uri = broker.uri();
  opt.client_id = "a:1";
  Link link(opt, witness.handlers());
  link.start();
  ASSERT_TRUE(witness.wait_connected(1));
  ASSERT_EQ(link.publish({.topic = "closed/t", .payload = "1"}, witness.done()), PublishResult::accepted);
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.failed == 1; }));
  ASSERT_EQ(link.publish({.topic = "open/t", .payload = "1"}, witness.done()), PublishResult::accepted);
  EXPECT_TRUE(witness.wait_until([](const Witness& w) { return w.acknowledged == 1; }));
}

}  // namespace
}  // namespace duet
