// docs/protocol.md section 3, guarantee 4: both sides see one order, live, in history and in sync.

#include <gmock/gmock.h>

#include <algorithm>

#include "protocol/json_codec.h"
#include "tests/support/history_checker.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class Order : public SharedPlatformTest<Order> {};

std::vector<Envelope> envelopes_in(const Synced& synced) {
  std::vector<Envelope> envelopes;
  for (const json& change : synced.changes) {
    if (change.at("kind") == "msg" || change.at("kind") == "sent")
      envelopes.push_back(*envelope_from(change));
  }
  return envelopes;
}

// What a device received live, `msg` and `sent` as they came.
std::vector<Envelope> live(const TestDevice& device, TestClient& mqtt, const std::string& peer) {
  std::vector<Envelope> envelopes;
  for (const Received& received : mqtt.inbox()) {
    if (received.topic == in_topic(device.user(), peer, InKind::message) ||
        received.topic == in_topic(device.user(), peer, InKind::sent)) {
      envelopes.push_back(*parse_envelope(received.payload));
    }
  }
  return envelopes;
}

std::size_t count_seqs(const std::vector<Envelope>& envelopes) {
  std::vector<Seq> seqs;
  seqs.reserve(envelopes.size());
  for (const Envelope& envelope : envelopes) seqs.push_back(envelope.seq);
  std::sort(seqs.begin(), seqs.end());
  return static_cast<std::size_t>(std::unique(seqs.begin(), seqs.end()) - seqs.begin());
}

// Three devices of two users send at the same time.
TEST_F(Order, InterleavedSendersSeeOneOrderEverywhere) {
  constexpr int kEach = 100;
  const std::string alice = fresh_user("alice");
  const std::string bob = fresh_user("bob");
  struct Sender {
    std::unique_ptr<TestDevice> device;
    std::string peer;
    DeviceRecord record;
  };
  std::vector<Sender> senders;
  senders.push_back({online(alice, "phone"), bob, {}});
  senders.push_back({online(alice, "laptop", MqttVersion::v3_1_1), bob, {}});
  senders.push_back({online(bob, "phone"), alice, {}});

  for (int i = 0; i < kEach; ++i) {
    for (Sender& sender : senders) {
      const Attempt attempt{sender.device->device() + "-" + std::to_string(i), "text " + std::to_string(i),
                            true};
      sender.device->mqtt().publish_async({.topic = msg_topic(sender.device->user(), sender.peer),
                                           .payload = json{{"id", attempt.id}, {"body", attempt.body}}.dump(),
                                           .correlation = {}});
      sender.record.published.push_back(attempt);
    }
  }
  for (Sender& sender : senders) {
    const bool complete = eventually([&] {
      return count_seqs(live(*sender.device, sender.device->mqtt(), sender.peer)) == kEach * senders.size();
    });
    EXPECT_TRUE(complete) << "not everything arrives live at " << sender.device->spec().client_id;
    sender.record.live = live(*sender.device, sender.device->mqtt(), sender.peer);
    sender.record.synced = envelopes_in(sender.device->sync());
    EXPECT_EQ(sender.record.synced.size(), kEach * senders.size());
  }

  const UserRecord on_alice{alice, {senders[0].record, senders[1].record}, senders[0].device->history(bob)};
  const UserRecord on_bob{bob, {senders[2].record}, senders[2].device->history(alice)};
  EXPECT_THAT(check_conversation(on_alice, on_bob), IsEmpty());
}

// seq counts in each conversation by itself.
TEST_F(Order, ConversationsDoNotShareNumbers) {
  const std::string alice = fresh_user("alice");
  const auto phone = online(alice);
  for (Seq seq = 1; seq <= 3; ++seq) {
    EXPECT_EQ(phone->send(alice + "-x", "x").seq, seq);
    EXPECT_EQ(phone->send(alice + "-y", "y").seq, seq);
  }
}

TEST_F(Order, TheTimeIsTheBrokersAndNeverGoesBack) {
  const auto alice = online(fresh_user("alice"));
  const std::string bob = fresh_user("bob");
  const auto clock = [] {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
  const Timestamp before = clock();
  Timestamp last{};
  for (int i = 0; i < 20; ++i) {
    const Envelope sent = alice->send(bob, "tick");
    EXPECT_GE(sent.ts, last);
    last = sent.ts;
  }
  EXPECT_GE(last, before);
  EXPECT_LE(last, clock());
}

}  // namespace
}  // namespace duet
