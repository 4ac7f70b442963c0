#include "mqtt_codec/mqtt_codec.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace duet {
namespace {

using namespace std::string_view_literals;

class MqttCodec : public testing::TestWithParam<MqttVersion> {};
INSTANTIATE_TEST_SUITE_P(Versions, MqttCodec, testing::Values(MqttVersion::v3_1_1, MqttVersion::v5));

TEST_P(MqttCodec, PublishComesBackAsItWas) {
  const std::string payload(300, 'p');  // the remaining length needs two bytes
  std::string bytes;
  encode_publish(513, "a/b", payload, GetParam(), bytes);

  const auto packet = next_packet(bytes);

  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->type, PacketType::publish);
  EXPECT_EQ(packet->bytes, bytes.size());
  const IncomingPublish publish = decode_publish(*packet, GetParam());
  EXPECT_EQ(publish.qos, 1);
  EXPECT_EQ(publish.packet_id, 513);
  EXPECT_EQ(publish.topic, "a/b");
  EXPECT_EQ(publish.payload, payload);
}

TEST_P(MqttCodec, FlagsOfAPublishComeBack) {
  std::string bytes;
  encode_publish(7, "a/b", "p", {.qos = 0, .retained = true}, GetParam(), bytes);

  const auto packet = next_packet(bytes);

  ASSERT_TRUE(packet);
  const IncomingPublish publish = decode_publish(*packet, GetParam());
  EXPECT_EQ(publish.qos, 0);
  EXPECT_EQ(publish.packet_id, 0);
  EXPECT_TRUE(publish.retained);
  EXPECT_EQ(publish.topic, "a/b");
  EXPECT_EQ(publish.payload, "p");
}

// MQTT 5 3.1.2.3: user name, password, will retain, will QoS, will flag, clean start.
TEST_P(MqttCodec, ConnectSaysWhatItWants) {
  ConnectPacket connect{
      .client_id = "c", .password = "p", .user = "u", .will_topic = "w", .will_payload = "x"};
  const auto flags_of = [&] {
    std::string bytes;
    encode_connect(connect, GetParam(), bytes);
    return static_cast<unsigned char>(bytes.at(9));  // fixed header, "MQTT" with its size, level
  };
  EXPECT_EQ(flags_of(), 0b11101110);
  connect.will_retained = false;
  connect.clean = false;
  EXPECT_EQ(flags_of(), 0b11001100);
}

TEST(EncodeConnect, NamesTheSessionsExpiry) {
  std::string bytes;
  encode_connect({.client_id = "c",
                  .password = {},
                  .user = {},
                  .will_topic = {},
                  .will_payload = {},
                  .session_expiry_s = 0x01020304},
                 MqttVersion::v5, bytes);
  EXPECT_NE(bytes.find("\x05\x11\x01\x02\x03\x04"sv), std::string::npos);
}

TEST_P(MqttCodec, EveryBeginningOfAPacketIsIncomplete) {
  std::string bytes;
  encode_publish(1, "a/b", std::string(200, 'p'), GetParam(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(next_packet(std::string_view(bytes).substr(0, size))) << size;
  }
}

TEST_P(MqttCodec, TemplateDiffersInPacketIdAndNumberAlone) {
  const PublishTemplate message("a/b", "<0000000000>", 1, GetParam());
  std::string bytes = "before";
  message.append(7, 1234567890, bytes);
  message.append(0xfffe, 42, bytes);

  std::string expected = "before";
  encode_publish(7, "a/b", "<1234567890>", GetParam(), expected);
  encode_publish(0xfffe, "a/b", "<0000000042>", GetParam(), expected);
  EXPECT_EQ(bytes, expected);
}

TEST(NextPacket, LeavesWhatFollows) {
  std::string bytes;
  encode_puback(5, bytes);
  const std::size_t first = bytes.size();
  encode_puback(6, bytes);
  const auto packet = next_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->bytes, first);
}

TEST(NextPacket, RefusesALengthOfFiveBytes) {
  EXPECT_THROW(next_packet("\x30\xff\xff\xff\xff\x01"sv), std::runtime_error);
}

TEST(DecodePublish, RefusesATopicLongerThanThePacket) {
  const auto packet = next_packet("\x32\x04\x00\x09xy"sv);
  ASSERT_TRUE(packet);
  EXPECT_THROW(decode_publish(*packet, MqttVersion::v5), std::runtime_error);
}

TEST(Codes, AreThoseOfThePacket) {
  EXPECT_EQ(connack_code(*next_packet("\x20\x02\x00\x05"sv)), 5);
  EXPECT_EQ(puback_code(*next_packet("\x40\x02\x00\x01"sv)), 0);
  EXPECT_EQ(puback_code(*next_packet("\x40\x04\x00\x01\x87\x00"sv)), 0x87);
  EXPECT_EQ(suback_code(*next_packet("\x90\x04\x00\x01\x01\x80"sv), MqttVersion::v3_1_1), 0x80);
  EXPECT_EQ(suback_code(*next_packet("\x90\x05\x00\x01\x00\x01\x87"sv), MqttVersion::v5), 0x87);
  EXPECT_EQ(disconnect_code(*next_packet("\xe0\x00"sv)), 0);
}

}  // namespace
}  // namespace duet
