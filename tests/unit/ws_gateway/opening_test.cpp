// What the gateway's log says of each MQTT connection: its client id, its client's address and the answer.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <sstream>

#include "gateway_fixture.h"
#include "tests/support/patience.h"
#include "ws_gateway/mqtt_opening.h"
#include "ws_gateway/refusal_lines.h"

namespace duet {
namespace {

using testing::HasSubstr;

std::string text_field(std::string_view text) {
  std::string bytes;
  bytes += static_cast<char>(text.size() >> 8U);
  bytes += static_cast<char>(text.size());
  return bytes.append(text);
}

// A CONNECT; of MQTT 5 (level 5) with properties of this size.
std::string connect(std::string_view client_id, char level = 4, std::size_t property_bytes = 0) {
  std::string body = text_field("MQTT");
  body += level;
  body += std::string("\x02\x00\x3c", 3);
  if ((level & 0x7f) == 5) {
    std::size_t size = property_bytes;
    do {
      body += static_cast<char>((size & 0x7fU) | (size > 0x7f ? 0x80U : 0U));
      size >>= 7U;
    } while (size > 0);
    body += std::string(property_bytes, 'p');
  }
  body += text_field(client_id);
  std::string packet("\x10");
  for (auto size = body.size();; size >>= 7U) {
    packet += static_cast<char>((size & 0x7fU) | (size > 0x7f ? 0x80U : 0U));
    if (size <= 0x7f) break;
  }
  return packet + body + text_field("password");
}

std::string client_id_of(const std::string& bytes) {
  ConnectReader reader;
  reader.feed(bytes);
  ConnectReader slow;
  for (const char byte : bytes) slow.feed({&byte, 1});
  EXPECT_EQ(slow.client_id(), reader.client_id()) << "read byte by byte";
  return reader.client_id();
}

TEST(ConnectReader, ReadsTheClientIdOfBothVersions) {
  EXPECT_EQ(client_id_of(connect("alice:phone")), "alice:phone");
  EXPECT_EQ(client_id_of(connect("duet-auth.elsewhere")), "duet-auth.elsewhere");
  for (const std::size_t size : {0U, 1U, 127U, 128U, 16'384U, 200'000U}) {
    EXPECT_EQ(client_id_of(connect("alice:phone", 5, size)), "alice:phone") << size;
  }
  EXPECT_EQ(client_id_of(connect("alice:phone", '\x84')), "alice:phone") << "a bridge";
  EXPECT_EQ(client_id_of(connect("alice:phone", '\x85', 9)), "alice:phone") << "a bridge";
}

TEST(ConnectReader, ShowsNoOtherTextThanNames) {
  for (const std::string id : {"", "alice", "alice:phone from 192.0.2.1: the broker answered 5", "a:b\nc"}) {
    EXPECT_EQ(client_id_of(connect(id)), "?") << id;
  }
  EXPECT_EQ(client_id_of(connect(std::string(129, 'x'))), "?");
  EXPECT_EQ(client_id_of(connect("alice:phone").substr(0, 20)), "?") << "not whole";
  EXPECT_EQ(client_id_of("GET / HTTP/1.1\r\n\r\n"), "?");
  EXPECT_EQ(client_id_of(std::string("\x10\x20\x00\x04MQTT\x05\x02\x00\x00\xff\xff\xff\xff\xff\x01", 18)),
            "?");
}

TEST(ConnackReader, ReadsTheCodeOfAConnackAlone) {
  EXPECT_EQ(ConnackReader().feed(std::string_view("\x20\x02\x00\x05", 4)), 5);
  EXPECT_EQ(ConnackReader().feed(std::string_view("\x20\x80\x01\x00\x87rest", 9)), 0x87);
  EXPECT_EQ(ConnackReader().feed(std::string_view("\x30\x02\x00\x05", 4)), std::nullopt);
  ConnackReader slow;
  EXPECT_EQ(slow.feed("\x20"), std::nullopt);
  EXPECT_EQ(slow.feed(std::string_view("\x02\x00", 2)), std::nullopt);
  EXPECT_EQ(slow.feed(std::string_view("\x00", 1)), 0);
  EXPECT_EQ(slow.feed("\x01"), std::nullopt) << "what follows is no answer to CONNECT";
}

TEST(RefusalLines, OneAddressCannotTakeTheLinesOfOthers) {
  RefusalLines lines;
  const TokenBuckets::Clock::time_point now{};
  const auto taken = [&](const char* address) {
    int count = 0;
    while (count < 1000 && lines.take(*IpAddress::parse(address), now)) ++count;
    return count;
  };
  EXPECT_EQ(taken("192.0.2.1"), 30);
  EXPECT_EQ(taken("192.0.2.2"), 30);
  EXPECT_EQ(taken("2001:db8::1"), 30);
  EXPECT_EQ(taken("2001:db8::2"), 0) << "the same network";
  int all = 90;
  for (int i = 0; i < 100; ++i) all += taken(("198.51.100." + std::to_string(i)).c_str());
  EXPECT_EQ(all, 300) << "all together";
}

// The log of this process, as the gateway's thread writes it.
class GatewayLog : public GatewayTest {
 protected:
  GatewayLog() : before_(spdlog::default_logger()) {
    config_.trusted_proxies = {*Network::parse("127.0.0.1")};
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)));
  }
  ~GatewayLog() override {
    stop();
    spdlog::set_default_logger(before_);
  }
  // An upgrade that a proxy hands on for `address`, then the client's CONNECT and the broker's answer, byte
  // by byte. Returns the log.
  std::string log_of(const std::string& address, const std::string& connect, std::string_view answer) {
    WebClient web = client();
    EXPECT_EQ(
        web.upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: " + address + "\r\n").status,
        101);
    TestSocket broker = broker_.accept();
    for (const char byte : connect) web.send_frame(kBinary, std::string(1, byte));
    EXPECT_EQ(broker.receive(connect.size()), connect);
    for (const char byte : answer) broker.send(std::string(1, byte));
    EXPECT_EQ(web.read_binary(answer.size()), answer);
    broker.close();
    EXPECT_EQ(web.read_close_code(), 1000);
    stop();  // the thread that writes is over
    return lines_.str();
  }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream lines_;
};

TEST_F(GatewayLog, NamesTheClientBehindTheProxyThatConnected) {
  EXPECT_THAT(log_of("192.0.2.7", connect("alice:tab", 5, 200), std::string_view("\x20\x03\x00\x00\x00", 5)),
              HasSubstr("alice:tab connected from 192.0.2.7\n"));
}

TEST_F(GatewayLog, NamesTheClientBehindTheProxyThatWasRefused) {
  EXPECT_THAT(log_of("192.0.2.7", connect("alice:tab"), std::string_view("\x20\x02\x00\x05", 4)),
              HasSubstr("refused alice:tab from 192.0.2.7: the broker answered 5\n"));
  EXPECT_EQ(gateway().counters().refused_by_broker.get(), 1U);
}

TEST_F(GatewayLog, NamesTheClientThatGotNoAnswer) {
  EXPECT_THAT(log_of("2001:db8::7", connect("alice:tab"), ""),
              HasSubstr("refused alice:tab from 2001:db8::7: the broker gave no answer\n"));
}

}  // namespace
}  // namespace duet
