// duet-ws as an operator runs it, in front of a real Mosquitto or a scripted one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "sockets.h"
#include "tests/support/patience.h"
#include "tests/support/places.h"
#include "tests/support/process.h"

namespace duet {
namespace {

using testing::HasSubstr;

class Program : public testing::Test {
 protected:
  ~Program() override {
    if (HasFailure()) std::cerr << text_of(dir_.path() / "log") << text_of(dir_.path() / "broker.log");
  }

  void start(const std::string& broker, const std::string& more = "") {
    std::ofstream(dir_.path() / "ws.toml") << "ready_file = \"" << (dir_.path() / "ready").string()
                                           << "\"\n[listen]\nport = " << port_ << "\n[broker]\n"
                                           << broker
                                           << "\n[log]\nlevel = \"debug\"\n"
                                           // A scripted broker has no answer to the health check's question.
                                           << "[health]\nbroker = \"127.0.0.1:9\"\n"
                                           << more;
    gateway_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{program("duet-ws"), "--config", (dir_.path() / "ws.toml").string()},
        ChildProcess::Streams::to_log, dir_.path() / "log");
    ASSERT_TRUE(
        eventually([&] { return text_of(dir_.path() / "ready") == std::to_string(gateway_->pid()) + "\n"; }));
  }
  static std::string at(const FakeBroker& broker) {
    return "address = \"127.0.0.1:" + std::to_string(broker.port()) + "\"";
  }
  std::size_t anonymous_kib() const {
    std::istringstream status(text_of("/proc/" + std::to_string(gateway_->pid()) + "/status"));
    for (std::string name; status >> name;) {
      std::size_t kib = 0;
      if (name == "RssAnon:" && status >> kib) return kib;
    }
    throw std::runtime_error("the gateway has no RssAnon");
  }

  const TempDir dir_;
  const std::uint16_t port_ = free_port();
  std::unique_ptr<ChildProcess> gateway_;
};

TEST_F(Program, SaysWhatItTakes) {
  EXPECT_EQ(run_command({program("duet-ws"), "--help"}).status, 0);
  EXPECT_THAT(run_command({program("duet-ws"), "--help"}).out, HasSubstr("--config"));
  EXPECT_EQ(run_command({program("duet-ws")}).status, 2);
  EXPECT_EQ(run_command({program("duet-ws"), "--frob"}).status, 2);
  const Finished missing = run_command({program("duet-ws"), "--config", "/nowhere.toml"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere.toml"));
}

TEST_F(Program, APortInUseIsNamed) {
  const FakeBroker other;
  std::ofstream(dir_.path() / "ws.toml") << "[listen]\nport = " << other.port() << "\n[broker]\n"
                                         << at(other);
  const Finished refused = run_command({program("duet-ws"), "--config", (dir_.path() / "ws.toml").string()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("port " + std::to_string(other.port())));
}

TEST_F(Program, EndsProperlyOnSigterm) {
  FakeBroker broker;
  start(at(broker));
  WebClient web(port_);
  ASSERT_EQ(web.upgrade().status, 101);
  const TestSocket upstream = broker.accept();
  gateway_->signal(SIGTERM);
  EXPECT_EQ(web.read_close_code(), 1001);
  EXPECT_EQ(gateway_->wait(), 0) << "although nobody answers the close";
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "ready"));
  EXPECT_THAT(text_of(dir_.path() / "log"), HasSubstr("websockets 1"));
}

TEST_F(Program, TheLogHasNoTokens) {
  FakeBroker broker;
  start(at(broker));
  EXPECT_EQ(WebClient(port_).upgrade("/mqtt?token=s3cret", "Authorization: Bearer s3cret\r\n").status, 400);
  EXPECT_EQ(WebClient(port_).get("/s3cret").status, 404);
  gateway_->signal(SIGTERM);
  EXPECT_EQ(gateway_->wait(), 0);
  EXPECT_THAT(text_of(dir_.path() / "log"), testing::Not(HasSubstr("s3cret")));
}

// MQTT 3.1.1: CONNECT with a clean session, here with a will.
std::string connect_packet() {
  using std::string_literals::operator""s;
  return "\x10\x1B\x00\x04MQTT\x04\x06\x00\x3C\x00\x01"
         "a\x00\x04will\x00\x06so sad"s;
}

TEST_F(Program, TheWillIsSentWhenABrowserIsCutOff) {
  using std::string_literals::operator""s;
  const auto socket = dir_.path() / "broker.sock";
  std::ofstream(dir_.path() / "mosquitto.conf")
      << "listener 0 " << socket.string()
      << "\nallow_anonymous true\npersistence false\nlog_dest stderr\nuser root\n";
  ChildProcess broker({"/usr/sbin/mosquitto", "-c", (dir_.path() / "mosquitto.conf").string()},
                      ChildProcess::Streams::to_log, dir_.path() / "broker.log");
  ASSERT_TRUE(
      eventually([&] { return text_of(dir_.path() / "broker.log").find(" running") != std::string::npos; }));
  start("socket = \"" + socket.string() + "\"");

  WebClient other(port_);
  ASSERT_EQ(other.upgrade().status, 101);
  other.send_frame(kBinary,
                   "\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01"
                   "b"s);
  EXPECT_EQ(other.read_binary(4), "\x20\x02\x00\x00"s);
  other.send_frame(kBinary, "\x82\x09\x00\x01\x00\x04will\x00"s);
  EXPECT_EQ(other.read_binary(5), "\x90\x03\x00\x01\x00"s);

  WebClient web(port_);
  ASSERT_EQ(web.upgrade().status, 101);
  web.send_frame(kBinary, connect_packet());
  EXPECT_EQ(web.read_binary(4), "\x20\x02\x00\x00"s);
  web.socket().close();
  EXPECT_EQ(other.read_binary(14), "\x30\x0C\x00\x04willso sad"s);

  broker.signal(SIGTERM);
  EXPECT_EQ(other.read_close_code(), 1000);
}

// The figure of docs/operations.md. A sanitizer's memory is another.
TEST_F(Program, AnIdleConnectionIsSmall) {
#ifdef DUET_SANITIZED
  GTEST_SKIP() << "a sanitizer's memory says nothing";
#endif
  constexpr std::size_t kConnections = 200;
  constexpr std::size_t kBytesAtMost = 8192;
  FakeBroker broker;
  start(at(broker), "[limits]\nconnections_per_address = 0\n");
  std::vector<std::pair<WebClient, TestSocket>> idle;
  const auto open_one = [&] {
    WebClient web(port_);
    EXPECT_EQ(web.upgrade().status, 101);
    TestSocket upstream = broker.accept();
    upstream.send("\x20\x02");
    EXPECT_EQ(web.read_binary(2).size(), 2U);
    web.send_frame(kBinary, std::string(2000, 'x'));
    EXPECT_EQ(upstream.receive(2000).size(), 2000U);
    idle.emplace_back(std::move(web), std::move(upstream));
  };
  for (int i = 0; i < 10; ++i) open_one();
  const std::size_t before = anonymous_kib();
  for (std::size_t i = 0; i < kConnections; ++i) open_one();
  const std::size_t each = (anonymous_kib() - before) * 1024 / kConnections;
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  std::cout << "an idle WebSocket takes " << each << " bytes\n";
  EXPECT_LE(each, kBytesAtMost);
}

}  // namespace
}  // namespace duet
