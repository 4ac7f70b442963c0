// The bytes between a WebSocket and the broker.
#include <algorithm>

#include "gateway_fixture.h"
#include "tests/support/patience.h"

namespace duet {
namespace {

using TunnelTest = GatewayTest;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

TEST_F(TunnelTest, BytesPassUnchangedBothWays) {
  auto [web, broker] = open();
  for (const std::size_t size : {1U, 125U, 126U, 511U, 512U, 513U, 8192U, 65535U, 65536U, 262149U}) {
    const std::string bytes = pattern(size);
    web.send_frame(kBinary, bytes);
    EXPECT_EQ(broker.receive(size), bytes);
    broker.send(bytes);
    EXPECT_EQ(web.read_binary(size), bytes);
  }
}

TEST_F(TunnelTest, PacketsMayBeSplitAndJoined) {
  auto [web, broker] = open();
  web.send_frame(kBinary, "one", {.fin = false});
  EXPECT_EQ(broker.receive(3), "one") << "sent on before the message is whole";
  web.send_frame(kContinuation, "", {.fin = false});
  web.send_frame(kPing, "in between");
  web.send_frame(kContinuation, "two");
  web.send_frame(kBinary, "");
  web.send_frame(kBinary, "three");
  EXPECT_EQ(broker.receive(8), "twothree");

  const std::string frame = encode_frame(kBinary, "slowly");
  for (const char byte : frame) web.socket().send(std::string(1, byte));
  EXPECT_EQ(broker.receive(6), "slowly");
}

TEST_F(TunnelTest, PingsAreAnswered) {
  auto [web, broker] = open();
  web.send_frame(kPing, "are you there");
  const auto pong = web.read_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, kPong);
  EXPECT_EQ(pong->payload, "are you there");
  web.send_frame(kPong, "unasked");
  web.send_frame(kBinary, "x");
  EXPECT_EQ(broker.receive(1), "x");
}

TEST_F(TunnelTest, WhatIsSentIsOneFrameWithoutAMask) {
  auto [web, broker] = open();
  broker.send("\x20\x02");
  const auto frame = web.read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->opcode, kBinary);
  EXPECT_TRUE(frame->fin);
  EXPECT_EQ(frame->payload, "\x20\x02");
}

// The WebSocket is closed with this code, and the broker's connection ends.
void expect_closed(WebClient& web, TestSocket& broker, int code) {
  EXPECT_EQ(web.read_close_code(), code);
  EXPECT_TRUE(broker.ended());
}

TEST_F(TunnelTest, TextFramesEndIt) {
  auto [web, broker] = open();
  web.send_frame(kText, "hello");
  expect_closed(web, broker, 1003);
  EXPECT_EQ(gateway().counters().protocol_errors.get(), 1U);
}

TEST_F(TunnelTest, WhatBreaksTheProtocolEndsIt) {
  const struct {
    std::string bytes;
    int code;
  } all[] = {
      {encode_frame(kBinary, "no mask", {.masked = false}), 1002},
      {encode_frame(kContinuation, "of nothing"), 1002},
      {encode_frame(kBinary, "a", {.fin = false}) + encode_frame(kBinary, "b"), 1002},
      {encode_frame(3, "an opcode nobody has"), 1002},
      {encode_frame(kPing, std::string(126, 'x')), 1002},
      {encode_frame(kBinary, std::string(262150, 'x')), 1009},
  };
  for (const auto& wrong : all) {
    auto [web, broker] = open();
    web.socket().send(wrong.bytes);
    expect_closed(web, broker, wrong.code);
  }
  EXPECT_TRUE(eventually([&] { return gateway().counters().protocol_errors.get() == std::size(all); }));
}

TEST_F(TunnelTest, AMessageInPiecesHasTheSameLimit) {
  config_.limits.message_bytes = 1024;
  auto [web, broker] = open();
  web.send_frame(kBinary, std::string(1000, 'x'), {.fin = false});
  web.send_frame(kContinuation, std::string(25, 'x'));
  expect_closed(web, broker, 1009);
}

TEST_F(TunnelTest, TheBrokerHearsWhatWasSentBeforeTheClose) {
  auto [web, broker] = open();
  const std::string bytes = pattern(100'000);
  web.send_frame(kBinary, bytes);
  web.send_frame(kClose, "\x03\xE8");  // 1000
  EXPECT_EQ(broker.receive(bytes.size()), bytes);
  EXPECT_TRUE(broker.ended());
  broker.close();
  EXPECT_EQ(web.read_close_code(), 1000) << "echoed (RFC 6455, 5.5.1)";
  EXPECT_TRUE(web.socket().ended());
}

TEST_F(TunnelTest, AClientThatIsCutOffEndsTheBrokersConnection) {
  auto [web, broker] = open();
  web.socket().close();
  EXPECT_TRUE(broker.ended());
  broker.close();
  EXPECT_TRUE(eventually([&] { return gateway().counters().closed.get() == 1; }));
}

TEST_F(TunnelTest, TheClientHearsTheBrokersLastWords) {
  auto [web, broker] = open();
  const std::string bytes = pattern(100'000);
  broker.send(bytes);
  broker.close();
  EXPECT_EQ(web.read_binary(bytes.size()), bytes);
  EXPECT_EQ(web.read_close_code(), 1000);
  web.send_frame(kClose, "\x03\xE8");
  EXPECT_TRUE(web.socket().ended());
}

TEST_F(TunnelTest, AClientThatDoesNotAnswerACloseIsCutOff) {
  auto [web, broker] = open();
  broker.close();
  EXPECT_EQ(web.read_close_code(), 1000);
  EXPECT_TRUE(web.socket().ended());
}

TEST_F(TunnelTest, SilenceEndsIt) {
  config_.limits.idle = std::chrono::seconds(1);
  auto [web, broker] = open();
  broker.send("\x20\x02");
  EXPECT_EQ(web.read_binary(2).size(), 2U);
  expect_closed(web, broker, 1001);
  EXPECT_EQ(gateway().counters().timed_out.get(), 1U);
}

// Whatever the client sends: only the broker knows what a CONNECT is, and says so by its answer.
TEST_F(TunnelTest, AConnectThatIsNeverFinishedEndsIt) {
  config_.limits.request = std::chrono::seconds(1);
  auto [web, broker] = open();
  web.send_frame(kBinary, "\x10\x7f");
  EXPECT_EQ(broker.receive(2), "\x10\x7f");
  expect_closed(web, broker, 1008);
  EXPECT_EQ(gateway().counters().timed_out.get(), 1U);

  auto [late, upstream] = open();
  upstream.send("\x20\x02");
  EXPECT_EQ(late.read_binary(2).size(), 2U);
  EXPECT_TRUE(eventually([&] { return gateway().counters().closed.get() == 1; }));
  late.send_frame(kBinary, "x");
  EXPECT_EQ(upstream.receive(1), "x") << "the answer ends the waiting";
}

TEST_F(TunnelTest, StoppingSaysSo) {
  auto [web, broker] = open();
  web.send_frame(kBinary, "x");
  EXPECT_EQ(broker.receive(1), "x");  // it is open on the gateway's side too
  WebClient idle = client();
  std::thread ending([this] { stop(); });
  expect_closed(web, broker, 1001);
  web.socket().close();
  broker.close();
  EXPECT_TRUE(idle.socket().ended());
  ending.join();
}

// Sockets of both neighbours, with the kernel's buffers: far less than what is offered.
constexpr std::size_t kOffered = std::size_t{256} * 1024 * 1024;
constexpr std::size_t kKernelAtMost = std::size_t{32} * 1024 * 1024;

TEST_F(TunnelTest, ASlowClientStopsTheBroker) {
  auto [web, broker] = open();
  const std::string bytes = pattern(1'000'000);
  const std::size_t taken = broker.send_until_stuck(bytes, kOffered);
  EXPECT_LT(taken, kKernelAtMost);
  EXPECT_EQ(gateway().buffers_in_use(), 1U);
  EXPECT_LE(taken, gateway().counters().bytes_out.get() + kKernelAtMost);

  std::string expected;
  while (expected.size() < taken) expected += bytes;
  expected.resize(taken);
  EXPECT_TRUE(web.read_binary(taken) == expected) << "it goes on where it stopped";
  EXPECT_TRUE(eventually([&] { return gateway().buffers_in_use() == 0; }));
}

TEST_F(TunnelTest, ASlowBrokerStopsTheClient) {
  auto [web, broker] = open();
  const std::string frame = encode_frame(kBinary, pattern(65536));
  const std::size_t taken = web.socket().send_until_stuck(frame, kOffered);
  EXPECT_LT(taken, kKernelAtMost);
  EXPECT_LE(gateway().buffers_in_use(), 1U);
  const std::size_t whole_frames = taken / frame.size();
  for (std::size_t i = 0; i < whole_frames; ++i) ASSERT_TRUE(broker.receive(65536) == pattern(65536));
}

TEST_F(TunnelTest, AnIdleConnectionHasNoBuffer) {
  auto [web, broker] = open();
  web.send_frame(kBinary, pattern(100'000));
  broker.receive(100'000);
  broker.send(pattern(100'000));
  web.read_binary(100'000);
  EXPECT_TRUE(eventually([&] { return gateway().buffers_in_use() == 0; }));
}

}  // namespace
}  // namespace duet
