// tests/unit/ws_gateway/gateway_fixture.h: a gateway in a thread of the test's, between two scripted
// neighbours.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "sockets.h"
#include "ws_gateway/gateway.h"

namespace duet {

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    config_.listen = {.address = *IpAddress::parse("127.0.0.1"), .port = 0};
    config_.broker = TcpEndpoint{.address = *IpAddress::parse("127.0.0.1"), .port = broker_.port()};
    config_.path = "/mqtt";
    config_.limits.request = std::chrono::seconds(60);  // a busy machine, and brokers that say nothing
  }
  ~GatewayTest() override { stop(); }

  // Once, after config_ is as the test wants it.
  Gateway& gateway() {
    if (!gateway_) {
      gateway_.emplace(config_, health_);
      thread_ = std::thread([this] { gateway_->run(); });
    }
    return *gateway_;
  }
  void stop() {
    if (!thread_.joinable()) return;
    gateway_->stop();
    thread_.join();
  }

  WebClient client() { return WebClient(gateway().port()); }
  WebClient client_from(const char* address) { return WebClient(gateway().port(), address); }
  // An open WebSocket, and the broker's end of it.
  struct Pair {
    WebClient client;
    TestSocket broker;
  };
  Pair open() {
    WebClient web = client();
    EXPECT_EQ(web.upgrade().status, 101);
    return {std::move(web), broker_.accept()};
  }

  FakeBroker broker_;
  GatewayConfig config_;

 private:
  Health health_;
  std::optional<Gateway> gateway_;
  std::thread thread_;
};

}  // namespace duet
