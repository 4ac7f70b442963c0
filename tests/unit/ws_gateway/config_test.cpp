#include "ws_gateway/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GatewayConfigTest : public testing::Test {
 protected:
  GatewayConfig load(const std::string& text) const {
    const auto file = directory_.path() / "ws.toml";
    std::ofstream(file) << text;
    return load_gateway_config(file);
  }
  std::string error_of(const std::string& text) const {
    try {
      load(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "accepted";
  }
  TemporaryDirectory directory_;
};

TEST_F(GatewayConfigTest, HasDefaultsForAllButTheBroker) {
  const auto config = load("[broker]\nsocket = \"/run/duet/broker.sock\"\n");
  EXPECT_EQ(std::get<std::filesystem::path>(config.broker), "/run/duet/broker.sock");
  EXPECT_EQ(config.listen.address.text(), "127.0.0.1");
  EXPECT_EQ(config.listen.port, 8083);
  EXPECT_EQ(config.path, "/mqtt");
  EXPECT_TRUE(config.allow_no_origin);
  EXPECT_EQ(config.limits.message_bytes, 262'149U);
  EXPECT_TRUE(config.files.root.empty());
}

TEST_F(GatewayConfigTest, IsReadWhole) {
  const auto config = load(
      "ready_file = \"/r\"\n[listen]\naddress = \"::\"\nport = 80\n[broker]\naddress = \"[::1]:1883\"\n"
      "[websocket]\npath = \"/ws\"\norigins = [\"https://A.example:443\"]\nallow_no_origin = false\n"
      "[limits]\nconnections = 5\nconnections_per_address = 0\nrequest_ms = 100\nidle_s = 7\n"
      "message_bytes = 4096\n[proxies]\ntrusted = [\"10.0.0.0/8\"]\n[files]\nroot = \"/\"\n"
      "content_security_policy = \"default-src 'none'\"\n[log]\nlevel = \"debug\"\n");
  EXPECT_EQ(std::get<TcpEndpoint>(config.broker).address.text(), "::1");
  EXPECT_EQ(std::get<TcpEndpoint>(config.broker).port, 1883);
  EXPECT_EQ(config.listen.port, 80);
  EXPECT_THAT(config.origins, ElementsAre("https://a.example"));
  EXPECT_FALSE(config.allow_no_origin);
  EXPECT_EQ(config.limits.connections, 5U);
  EXPECT_EQ(config.limits.connections_per_address, 0U);
  EXPECT_EQ(config.limits.request.count(), 100);
  EXPECT_EQ(config.limits.idle.count(), 7);
  EXPECT_EQ(config.trusted_proxies.size(), 1U);
  EXPECT_EQ(config.files.content_security_policy, "default-src 'none'");
  EXPECT_EQ(config.log_level, "debug");
}

TEST_F(GatewayConfigTest, NamesWhatIsWrong) {
  const std::string broker = "[broker]\nsocket = \"/s\"\n";
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "broker.socket"},
      {"[broker]\nsocket = \"/s\"\naddress = \"127.0.0.1:1\"\n", "broker.socket"},
      {"[broker]\nsocket = \"s\"\n", "absolute"},
      {"[broker]\nsocket = \"/" + std::string(107, 's') + "\"\n", "107 bytes"},
      {"[broker]\naddress = \"localhost:1883\"\n", "broker.address"},
      {"[broker]\naddress = \"127.0.0.1:0\"\n", "broker.address"},
      {"[broker]\naddress = \"127.0.0.1\"\n", "broker.address"},
      {broker + "port = 1\n", "broker.port is not a known key"},
      {broker + "[websockets]\n", "websockets is not a known key"},
      {broker + "[listen]\naddress = \"localhost\"\n", "listen.address"},
      {broker + "[listen]\nport = 65536\n", "listen.port"},
      {broker + "[websocket]\npath = \"mqtt\"\n", "websocket.path"},
      {broker + "[websocket]\npath = \"/a?b\"\n", "websocket.path"},
      {broker + "[websocket]\norigins = [\"chat.example\"]\n", "chat.example"},
      {broker + "[websocket]\norigins = \"https://a\"\n", "websocket.origins"},
      {broker + "[websocket]\nallow_no_origin = 1\n", "true or false"},
      {broker + "[limits]\nconnections = 0\n", "limits.connections"},
      {broker + "[limits]\nidle_s = 0\n", "limits.idle_s"},
      {broker + "[proxies]\ntrusted = [\"10.0.0.0/33\"]\n", "10.0.0.0/33"},
      {broker + "[files]\nroot = \"/nowhere/at/all\"\n", "files.root"},
      {broker + "[files]\ncontent_security_policy = \"a\\r\\nb\"\n", "content_security_policy"},
      {"[broker\n", "ws.toml:"},
  };
  for (const auto& [text, named] : wrong) EXPECT_THAT(error_of(text), HasSubstr(named)) << text;
}

}  // namespace
}  // namespace duet
