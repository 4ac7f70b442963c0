// Every end of a connection is an end for the link: it fails what was on its way and connects again, with the
// newest password.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mqtt_link/link.h"
#include "mqtt_link/session.h"
#include "tests/support/patience.h"
#include "tests/unit/client/fake_broker.h"
#include "tests/unit/client/link_witness.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using At = Misdeed::At;
using Then = Misdeed::Then;

// Every reason that a broker may give (MQTT 5 table 3.14.2.1).
constexpr std::array<std::uint8_t, 28> kReasons{
    0x00,  // normal disconnection
    0x80, 0x81, 0x82, 0x83, 0x87, 0x89,
    0x8b,  // server shutting down
    0x8d,  // keep alive timeout
    0x8e,  // session taken over
    0x8f, 0x90, 0x93, 0x94,
    0x95,  // packet too large
    0x96, 0x97,
    0x98,  // administrative action: a token ended, or a login was revoked
    0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2};

// A link with one subscription, and another password at each attempt.
class TestLink {
 public:
  TestLink(const FakeBroker& broker, const std::string& client_id, int mqtt_version,
           std::chrono::milliseconds look_interval = 1s) {
    LinkOptions options;
    options.uri = broker.uri();
    options.client_id = client_id;
    options.mqtt_version = mqtt_version;
    options.password = [this] { return "token " + std::to_string(++passwords_); };
    options.subscriptions = {{"t", 1}};
    options.keep_alive = 1s;
    options.look_interval = look_interval;
    link_ = std::make_unique<Link>(options, witness_.handlers());
    link_->start();
  }

  // Of the last attempt.
  std::string password() const { return "token " + std::to_string(passwords_); }
  Link& link() { return *link_; }
  Witness& witness() { return witness_; }

 private:
  std::atomic<int> passwords_ = 0;
  Witness witness_;
  std::unique_ptr<Link> link_;  // first to end
};

// The second connection came about, and works.
void expect_back(TestLink& one, const FakeBroker& broker, const std::string& client_id, int connected) {
  ASSERT_TRUE(one.witness().wait_connected(connected)) << client_id;
  ASSERT_THAT(broker.connects(client_id), SizeIs(2)) << client_id;
  EXPECT_THAT(broker.connects(client_id).back(), HasSubstr(one.password())) << client_id;
  ASSERT_EQ(one.link().publish({.topic = "t", .payload = "back"}, one.witness().done()),
            PublishResult::accepted)
      << client_id;
  EXPECT_TRUE(one.witness().wait_until([](const Witness& w) { return w.acknowledged == 1; })) << client_id;
}

// All links of one test at once: Paho needs a second for a connection, whatever else it does.
class TestLinks {
 public:
  // For each kind of misdeed a link of each version.
  TestLinks(const std::map<std::string, Misdeed>& kinds, const std::vector<int>& versions,
            std::chrono::milliseconds look_interval = 1s)
      : broker_(by_client_id(kinds, versions)) {
    for (const auto& [kind, misdeed] : kinds) {
      for (const int version : versions) {
        const auto id = id_of(kind, version);
        links_.try_emplace(id, broker_, id, version, look_interval);
      }
    }
  }

  // `connected`: how often on_connected is called.
  void expect_all_back(int connected) {
    for (auto& [id, link] : links_) expect_back(link, broker_, id, connected);
  }
  TestLink& of(const std::string& kind, int version) { return links_.at(id_of(kind, version)); }

 private:
  static std::string id_of(const std::string& kind, int version) {
    return kind + ":" + std::to_string(version);
  }
  static std::map<std::string, Misdeed> by_client_id(const std::map<std::string, Misdeed>& kinds,
                                                     const std::vector<int>& versions) {
    std::map<std::string, Misdeed> all;
    for (const auto& [kind, misdeed] : kinds) {
      for (const int version : versions) all[id_of(kind, version)] = misdeed;
    }
    return all;
  }

  FakeBroker broker_;
  std::map<std::string, TestLink> links_;
};

const std::vector<int> kV5{5};
const std::vector<int> kBoth{4, 5};

TEST(LinkEnds, ConnectsAgainAfterADisconnectWithAnyReason) {
  std::map<std::string, Misdeed> kinds;
  for (const auto reason : kReasons) {
    const auto disconnect = disconnect_packet(reason);
    kinds["closed" + std::to_string(reason)] = {.bytes = disconnect, .then = Then::close};
    kinds["open" + std::to_string(reason)] = {.bytes = disconnect, .then = Then::fall_silent};
  }
  kinds["empty"] = {.bytes = std::string{'\xe0', 0}, .then = Then::fall_silent};
  kinds["short"] = {.bytes = std::string{'\xe0', 1, '\x98'}, .then = Then::fall_silent};
  TestLinks links(kinds, kV5);
  links.expect_all_back(2);
  const auto states = [&](int reason) {
    return links.of("open" + std::to_string(reason), 5).witness().states;
  };
  EXPECT_THAT(states(0x98), Contains(HasSubstr("administrative action")));
  EXPECT_THAT(states(0x8d), Contains(HasSubstr("keep alive timeout")));
  EXPECT_THAT(states(0x95), Contains(HasSubstr("packet too large")));
}

TEST(LinkEnds, ConnectsAgainWhenAnAttemptBreaks) {
  const std::string garbage(4, '\0');
  TestLinks links({{"connect-close", {.at = At::connect, .then = Then::close}},
                   {"connect-reset", {.at = At::connect, .then = Then::reset}},
                   {"connect-garbage", {.at = At::connect, .bytes = garbage}},
                   {"subscribe-close", {.at = At::subscribe, .then = Then::close}},
                   {"subscribe-reset", {.at = At::subscribe, .then = Then::reset}}},
                  kBoth);
  links.expect_all_back(1);
}

TEST(LinkEnds, ConnectsAgainWhenAConnectionBreaks) {
  const std::string garbage(4, '\0');
  TestLinks links({{"close", {.then = Then::close}},
                   {"reset", {.then = Then::reset}},
                   {"garbage", {.bytes = garbage, .then = Then::fall_silent}},
                   {"ping-unanswered", {.then = Then::fall_silent}}},
                  kBoth);
  links.expect_all_back(2);
}

TEST(LinkEnds, ConnectsAgainAfterADisconnectInsteadOfAnAnswer) {
  const auto busy = disconnect_packet(0x89);
  TestLinks links({{"connect", {.at = At::connect, .bytes = busy, .then = Then::fall_silent}},
                   {"subscribe", {.at = At::subscribe, .bytes = busy, .then = Then::fall_silent}}},
                  kV5);
  links.expect_all_back(1);
}

TEST(LinkEnds, FailsWhatWasOnItsWay) {
  TestLinks links({{"end", {.at = At::publish, .bytes = disconnect_packet(0x98), .then = Then::fall_silent}}},
                  kV5);
  auto& one = links.of("end", 5);
  ASSERT_TRUE(one.witness().wait_connected(1));
  constexpr int kMessages = 300;
  int accepted = 0;
  for (int i = 0; i < kMessages; ++i) {
    const auto result = one.link().publish({.topic = "t", .payload = "lost"}, one.witness().done());
    if (result == PublishResult::accepted) ++accepted;
  }
  links.expect_all_back(2);
  EXPECT_GT(accepted, 0);
  EXPECT_TRUE(one.witness().wait_until([&](const Witness& w) { return w.failed == accepted; }));
}

TEST(LinkEnds, GivesUpAnAttemptThatIsNotAnswered) {
  TestLinks links({{"connect", {.at = At::connect, .then = Then::fall_silent}},
                   {"subscribe", {.at = At::subscribe, .then = Then::fall_silent}},
                   {"only-pings", {.at = At::subscribe, .then = Then::go_on}}},
                  kBoth, 200ms);
  links.expect_all_back(1);
  EXPECT_THAT(links.of("only-pings", 5).witness().states, Contains(HasSubstr("does not answer")));
}

TEST(LinkEnds, EndsAConnectionThatAcknowledgesNothing) {
  TestLinks links({{"only-pings", {.at = At::publish, .then = Then::go_on}}}, kBoth, 20ms);
  for (const int version : kBoth) {
    auto& one = links.of("only-pings", version);
    ASSERT_TRUE(one.witness().wait_connected(1));
    ASSERT_EQ(one.link().publish({.topic = "t", .payload = "lost"}, one.witness().done()),
              PublishResult::accepted);
  }
  links.expect_all_back(2);
  for (const int version : kBoth) {
    EXPECT_EQ(links.of("only-pings", version).witness().failed, 1);
    EXPECT_THAT(links.of("only-pings", version).witness().states,
                Contains(HasSubstr("acknowledges nothing")));
  }
}

// What the link asks now and then: Paho calls nothing else after a DISCONNECT.
TEST(LinkEnds, ASessionKnowsWhetherPahoHasAConnection) {
  const FakeBroker broker({{"a:1", {.at = At::publish, .bytes = disconnect_packet(0x98)}}});
  LinkOptions options;
  options.uri = broker.uri();
  options.client_id = "a:1";
  std::atomic<bool> ready = false;
  std::atomic<bool> ended = false;
  Session session(options, {.on_ready = [&](std::size_t) { ready = true; },
                            .on_end = [&](const SessionEnd&) { ended = true; },
                            .on_message = [](const LinkMessage&) {},
                            .on_published = [](std::uint64_t, bool) {}});
  EXPECT_FALSE(session.alive());
  session.connect("");
  ASSERT_TRUE(eventually([&] { return ready.load(); }));
  EXPECT_TRUE(session.alive());
  session.publish({.topic = "t", .payload = "x"}, 1);
  EXPECT_TRUE(eventually([&] { return ended.load(); }));
  EXPECT_TRUE(eventually([&] { return !session.alive(); }));
}

TEST(LinkEnds, TellsThatThePasswordIsRefused) {
  for (const bool v5 : {false, true}) {
    const int version = v5 ? 5 : 4;
    const auto refused = [&](std::uint8_t code) {
      return Misdeed{.at = At::connect, .bytes = connack_packet(version, code)};
    };
    TestLinks links({{"password", refused(v5 ? 0x86 : 4)},
                     {"rights", refused(v5 ? 0x87 : 5)},
                     {"busy", refused(v5 ? 0x88 : 3)}},
                    {version});
    links.expect_all_back(1);
    EXPECT_THAT(links.of("password", version).witness().refusals, SizeIs(1));
    EXPECT_THAT(links.of("rights", version).witness().refusals, ElementsAre(HasSubstr("not authorized")));
    EXPECT_THAT(links.of("busy", version).witness().refusals, IsEmpty());
  }
}

}  // namespace
}  // namespace duet
