#include <gtest/gtest.h>

#include <stdexcept>

#include "privacy_kit/connection.h"

namespace duet::privacy {
namespace {

TEST(MqttUrl, NamesAServer) {
  EXPECT_EQ(parse_mqtt_url("mqtt://chat.example.com").port, 1883);
  EXPECT_EQ(parse_mqtt_url("mqtt://chat.example.com:1884/").port, 1884);
  EXPECT_EQ(parse_mqtt_url("mqtt://chat.example.com:1884").host, "chat.example.com");
}

TEST(MqttUrl, IsNothingElse) {
  for (const auto* url : {"", "chat.example.com", "http://chat.example.com", "mqtt://", "mqtt://:1883",
                          "mqtt://a:", "mqtt://a:0", "mqtt://a:65536", "mqtt://a:1883x", "mqtt://a:b"}) {
    EXPECT_THROW(parse_mqtt_url(url), std::runtime_error) << url;
  }
}

TEST(ReasonText, SaysWhatACodeMeans) {
  EXPECT_EQ(reason_text(kClosed), "connection closed");
  EXPECT_EQ(reason_text(kNoMatchingSubscribers), "accepted");
  EXPECT_EQ(reason_text(kNotAuthorized), "refused (0x87)");
  EXPECT_EQ(reason_text(0x9f), "refused (0x9f)");
  EXPECT_EQ(reason_text(5), "code 5");
}

}  // namespace
}  // namespace duet::privacy
