// The door under attack: two users talk meanwhile and must not notice, and what the platform spends on the
// attackers has a bound
// (tests/support/siege.h).

#include "tests/support/siege.h"

#include <gmock/gmock.h>

#include <functional>
#include <iostream>
#include <map>
#include <memory>

#include "tests/support/auth_client.h"
#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"

namespace duet {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kCrowd = 300;  // of connections that an attacker holds
constexpr int kBatch = 32;           // of a flood

class Siege : public SharedPlatformTest<Siege> {
 protected:
  void SetUp() override {
    SharedPlatformTest::SetUp();
    ASSERT_TRUE(eventually([] { return http_status(platform().http_port()) == 200; }));
  }

  using Pace = SiegeSpec::Pace;
  static void besiege(const std::function<void()>& attack, std::size_t memory_at_most = 16 * kMiB,
                      Pace pace = Pace::flood) {
    duet::besiege(platform(), {.bystanders = fresh_user("s"), .memory_at_most = memory_at_most, .pace = pace},
                  attack);
  }

  static void say_rate(const char* what, std::size_t count, std::chrono::steady_clock::time_point since) {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - since;
    std::cout << what << ": " << count << ", " << static_cast<double>(count) / time.count() << " a second\n";
  }

  static int http_status(std::uint16_t port) {
    const std::string answer = AuthClient(port).raw("GET /healthz HTTP/1.0\r\nHost: h\r\n\r\n");
    return answer.size() > 12 ? std::atoi(answer.c_str() + 9) : 0;
  }

  // A WebSocket, or whatever the gateway made of this request for one.
  struct Upgrade {
    std::unique_ptr<RawMqtt> socket;
    std::string answer;  // its first line
  };
  static Upgrade upgrade(const std::string& headers = "") {
    Upgrade made{std::make_unique<RawMqtt>(platform().ws_port()), ""};
    made.socket->send(
        "GET /mqtt HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n" +
        headers + "\r\n");
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string byte = made.socket->receive(1);
      if (byte.empty()) break;
      head += byte;
    }
    made.answer = head.substr(0, head.find('\r'));
    return made;
  }
};

// Connections that a test keeps open and feeds byte by byte.
class Drip {
 public:
  Drip(std::uint16_t port, std::string beginning, std::size_t crowd = kCrowd)
      : port_(port), beginning_(std::move(beginning)), crowd_(crowd) {}

  // A few more of them, until it is a crowd, and once a second a byte to each.
  void operator()() {
    for (int i = 0; i < kBatch && open_.size() < crowd_; ++i) {
      open_.push_back(std::make_unique<RawMqtt>(port_));
      open_.back()->send(beginning_);
    }
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::seconds(1);
    for (const auto& one : open_) one->send("a");
  }
  const std::vector<std::unique_ptr<RawMqtt>>& open() const { return open_; }

 private:
  const std::uint16_t port_;
  const std::string beginning_;
  const std::size_t crowd_;
  std::chrono::steady_clock::time_point next_;
  std::vector<std::unique_ptr<RawMqtt>> open_;
};

// That they are cut off in the end, after ten seconds, is Handshake.ThatIsNeverFinishedEnds in the short
// form.
TEST_F(Siege, SlowRequestsToTheGateway) {
  Drip drip(platform().ws_port(), "GET /mqtt HTTP/1.1\r\nX-Slow: ");
  besiege(std::ref(drip), 16 * kMiB, Pace::slow);
  EXPECT_THAT(upgrade().answer, HasSubstr("101")) << "others are let in";
  if (siege_messages() == 0) return;
  for (const auto& one : drip.open()) EXPECT_TRUE(one->closed());
}

// duet-auth has a thread for each request: this keeps others out until the proxy or the time ends it. Chats
// go on, and it comes back by itself.
TEST_F(Siege, SlowRequestsToTheAuthService) {
  {
    constexpr std::size_t kAllThreadsAndMore = 64;
    Drip drip(platform().http_port(), "POST /oauth/token HTTP/1.1\r\nX-Slow: ", kAllThreadsAndMore);
    besiege(std::ref(drip), 16 * kMiB, Pace::slow);
    if (siege_messages() != 0) {
      EXPECT_EQ(http_status(platform().http_port()), 200) << "they were cut off";
    }
  }
  EXPECT_TRUE(eventually([] { return http_status(platform().http_port()) == 200; }));
}

// The broker keeps such a socket for 95 seconds, and what it announced up to 100 KB; no plugin can end it
// sooner. HAProxy does (timeout, mqtt_is_valid). Here: others come in and chat, and memory is what was sent.
TEST_F(Siege, HalfConnects) {
  const std::string whole = mqtt_packet(0x10, mqtt_string("MQTT") + std::string(40'000, 'x'));
  Drip drip(platform().mqtt_port(), whole.substr(0, whole.size() / 2));
  besiege(std::ref(drip), kCrowd * whole.size() + 16 * kMiB, Pace::slow);
  const auto late = online(fresh_user("late"));
  EXPECT_EQ(late->send(fresh_user("peer"), "let in").body, "let in");
}

TEST_F(Siege, PacketsThatAreTooLarge) {
  const std::string eve = fresh_user("eve");
  const std::string token = platform().tokens().chat(eve);
  const std::string largest_topic(65'535, 't');
  besiege([&] {
    const RawMqtt announced(platform().mqtt_port());  // 256 MB, of which nothing comes
    announced.send("\x10\xff\xff\xff\x7f");
    EXPECT_TRUE(announced.closed());
    const RawMqtt large(platform().mqtt_port());
    large.send(connect_packet(eve + ":raw", eve, token));
    ASSERT_EQ(large.receive(4), std::string("\x20\x02\x00\x00", 4));
    large.send(publish_packet(largest_topic, "fits into a packet, and is nobody's", 1));
    EXPECT_THAT(large.receive(4), StartsWith("\x40")) << "refused as MQTT 3.1.1 can";
    large.send(publish_packet(largest_topic, std::string(kMiB, 'p'), 2));
    EXPECT_TRUE(large.closed());
  });
}

TEST_F(Siege, BadTokens) {
  const std::string eve = fresh_user("eve");
  const std::string good = platform().tokens().chat(eve);
  const std::string forged = good.substr(0, good.size() - 8) + "AAAAAAAA";
  std::size_t refused = 0;
  const auto begin = std::chrono::steady_clock::now();
  besiege([&] {
    std::vector<std::unique_ptr<RawMqtt>> batch;
    for (int i = 0; i < kBatch; ++i) {
      batch.push_back(std::make_unique<RawMqtt>(platform().mqtt_port()));
      batch.back()->send(connect_packet(eve + ":raw", eve, i % 2 == 0 ? forged : "garbage"));
    }
    for (const auto& one : batch) {
      EXPECT_EQ(one->receive(4), std::string("\x20\x02\x00\x05", 4));
      ++refused;
    }
  });
  say_rate("bad tokens", refused, begin);
  EXPECT_EQ(online(eve, "raw")->mqtt().connected(), true) << "nobody is locked out by others' attempts";
}

TEST_F(Siege, BadPasswords) {
  const std::string form = "grant_type=password&client_id=duet&username=alice&password=wrong";
  const std::string request =
      "POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: " +
      std::to_string(form.size()) + "\r\n\r\n" + form;
  std::map<std::string, std::size_t> answers;
  const auto begin = std::chrono::steady_clock::now();
  besiege(
      [&] {
        std::vector<std::unique_ptr<RawMqtt>> batch;
        for (int i = 0; i < kBatch; ++i) {
          batch.push_back(std::make_unique<RawMqtt>(platform().http_port()));
          batch.back()->send(request);
        }
        for (const auto& one : batch) ++answers[one->receive(12).substr(9)];
      },
      64 * kMiB);  // two hashes at a time take 19 MiB each
  std::size_t all = 0;
  for (const auto& [status, count] : answers) {
    EXPECT_THAT(status, ::testing::AnyOf("400", "429", "503"));
    all += count;
  }
  EXPECT_GT(answers["429"], 0U) << "the address is throttled";
  say_rate("bad passwords", all, begin);
}

// RFC 6455 5.2: FIN, RSV1 to RSV3 and the opcode; the mask bit and the length; the mask.
std::vector<std::string> wrong_frames() {
  const std::string mask(4, '\0');
  std::string no_end = "\x02\xfe\xff\xff" + mask + std::string(65'535, 'x');  // a message, without FIN
  const std::string more = std::string("\0\xfe\xff\xff", 4) + mask + std::string(65'535, 'x');
  for (int i = 0; i < 4; ++i) no_end += more;
  return {
      "\x82\x02no",                                                          // no mask
      "\xc2\x81" + mask + "x",                                               // RSV1: nothing was negotiated
      "\x83\x81" + mask + "x",                                               // an opcode nobody has
      "\x81\x81" + mask + "x",                                               // text
      "\x80\x81" + mask + "x",                                               // the continuation of nothing
      "\x02\x81" + mask + "x\x82\x81" + mask + "y",                          // a new message within another
      "\x89\xfe" + std::string("\0\x7e", 2) + mask + std::string(126, 'x'),  // a ping of 126 bytes
      "\x09\x81" + mask + "x",                                               // a ping in pieces
      "\x88\x81" + mask + "x",                                               // a close with half a code
      "\x82\xff\x7f" + std::string(7, '\xff') + mask + "x",                  // 2^63 - 1 bytes
      "\x82\xff" + std::string(8, '\xff') + mask + "x",                      // more than there can be
      no_end,
  };
}

TEST_F(Siege, WebSocketFramesThatAreWrong) {
  const std::string close = "\x88\x80" + std::string(4, '\0');  // the answer to the gateway's own
  besiege([&] {
    for (const std::string& bytes : wrong_frames()) {
      const Upgrade web = upgrade();
      ASSERT_THAT(web.answer, HasSubstr("101"));
      web.socket->send(bytes + close);
      EXPECT_TRUE(web.socket->closed()) << ::testing::PrintToString(bytes.substr(0, 16));
    }
  });
}

TEST_F(Siege, PagesOfAnotherOrigin) {
  besiege([] {
    for (const char* origin : {"https://evil.example.com", "null", "https://chat.example.com.evil.example"}) {
      EXPECT_THAT(upgrade(std::string("Origin: ") + origin + "\r\n").answer, HasSubstr("403"));
    }
  });
  EXPECT_THAT(upgrade("Origin: https://chat.example.com\r\n").answer, HasSubstr("101"));
}

}  // namespace
}  // namespace duet
