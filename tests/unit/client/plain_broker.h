// tests/unit/client/plain_broker.h: a Mosquitto without our plugin.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/patience.h"
#include "tests/support/process.h"

namespace duet {

// A Mosquitto of the test's own: its port, its directory, its process.
class PlainBroker {
 public:
  explicit PlainBroker(const std::string& extra = "allow_anonymous true\n") : port_(free_port()) {
    std::ofstream(directory_.path() / "mosquitto.conf")
        << "listener " << port_ << " 127.0.0.1\n"
        << "persistence false\nset_tcp_nodelay true\nmax_inflight_messages 1000\n"
        << "connection_messages true\nlog_type all\nlog_dest stderr\n"
        << extra;
    start();
  }
  ~PlainBroker() {
    if (::testing::Test::HasFailure()) ADD_FAILURE() << "the broker's log:\n" << text_of(log());
  }
  PlainBroker(const PlainBroker&) = delete;
  PlainBroker& operator=(const PlainBroker&) = delete;

  void start() {
    process_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"/usr/sbin/mosquitto", "-c",
                                 (directory_.path() / "mosquitto.conf").string()},
        ChildProcess::Streams::to_log, log());
    ++starts_;
    EXPECT_TRUE(eventually([this] { return listening(); })) << text_of(log());
  }
  void kill() { end(SIGKILL); }
  void shut_down() { end(SIGTERM); }
  // As a broker that hangs: the connection stays, nothing is answered.
  void freeze() const { process_->signal(SIGSTOP); }
  // It says so in its log, once a start.
  bool listening() const {
    const auto text = text_of(log());
    int found = 0;
    for (auto at = text.find(" running"); at != std::string::npos; at = text.find(" running", at + 1))
      ++found;
    return found >= starts_;
  }
  std::string uri() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  std::filesystem::path log() const { return directory_.path() / "broker.log"; }

 private:
  void end(int signal) {
    process_->signal(signal);
    process_->wait();
  }

  TempDir directory_;
  std::uint16_t port_;
  int starts_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace duet
