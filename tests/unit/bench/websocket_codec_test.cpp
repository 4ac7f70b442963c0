#include "bench/websocket_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace duet {
namespace {

using std::string_literals::operator""s;

std::string frame_of(std::size_t size) {
  std::string out;
  encode_binary_frame(std::string(size, 'x'), out);
  return out;
}

// RFC 6455 5.2.
TEST(WebSocketCodec, FramesHaveTheShortestLengthAndAMask) {
  EXPECT_EQ(frame_of(1), "\x82\x81\0\0\0\0x"s);
  EXPECT_EQ(frame_of(125).substr(0, 2), "\x82\xfd"s);
  EXPECT_EQ(frame_of(126).substr(0, 4), "\x82\xfe\0\x7e"s);
  EXPECT_EQ(frame_of(65'535).substr(0, 4), "\x82\xfe\xff\xff"s);
  EXPECT_EQ(frame_of(65'536).substr(0, 10), "\x82\xff\0\0\0\0\0\1\0\0"s);
  EXPECT_EQ(frame_of(65'536).size(), 65'536U + 14);
}

TEST(WebSocketCodec, AFrameIsReadWhenItIsThere) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65'535U, 65'536U}) {
    std::string bytes = frame_of(size);  // as the server sends it: without the mask
    const std::size_t mask_at = bytes.size() - size - 4;
    bytes.erase(mask_at, 4);
    bytes[1] = static_cast<char>(bytes[1] & 0x7f);
    for (std::size_t part = 0; part < std::min<std::size_t>(bytes.size(), 12); ++part) {
      EXPECT_FALSE(next_server_frame(std::string_view(bytes).substr(0, part)));
    }
    const auto frame = next_server_frame(bytes + "more");
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->opcode, 2);
    EXPECT_EQ(frame->payload.size(), size);
    EXPECT_EQ(frame->bytes, bytes.size());
  }
  EXPECT_THROW(next_server_frame(frame_of(1)), std::runtime_error) << "a server masks nothing";
}

TEST(WebSocketCodec, OnlyAnUpgradeIsAnUpgrade) {
  EXPECT_FALSE(upgrade_answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"));
  EXPECT_EQ(upgrade_answer("HTTP/1.1 101 Switching Protocols\r\n\r\nmore"), 36U);
  EXPECT_THROW(upgrade_answer("HTTP/1.1 503 Service Unavailable\r\n\r\n"), std::runtime_error);
}

}  // namespace
}  // namespace duet
