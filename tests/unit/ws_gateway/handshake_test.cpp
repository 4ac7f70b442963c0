// What a client is told before there is a WebSocket, and what it gets besides one.
#include <fstream>

#include "gateway_fixture.h"
#include "tests/support/patience.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Handshake = GatewayTest;

TEST_F(Handshake, IsAnsweredWithTheSubprotocol) {
  WebClient web = client();
  const HttpAnswer answer = web.upgrade("/mqtt", "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n");
  EXPECT_EQ(answer.status, 101);
  EXPECT_EQ(answer.header("Sec-WebSocket-Protocol"), "mqtt");
  EXPECT_EQ(answer.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") << "RFC 6455, 1.3";
  EXPECT_EQ(answer.header("Sec-WebSocket-Extensions"), "");
  EXPECT_TRUE(eventually([&] { return gateway().counters().opened.get() == 1; }));
}

TEST_F(Handshake, IsRefused) {
  const std::string mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
  const struct {
    const char* target;
    std::string headers;
    int status;
  } all[] = {
      {"/mqtt", "", 400},
      {"/mqtt", "Sec-WebSocket-Protocol: mqttv3.1\r\n", 400},
      {"/other", mqtt, 404},
      {"/mqtt", mqtt + "Origin: https://evil.net\r\n", 403},
      {"/mqtt", mqtt + "Origin: null\r\n", 403},
      {"/mqtt", mqtt + "Origin: https://chat.example.com\r\nOrigin: https://chat.example.com\r\n", 403},
      {"/mqtt", mqtt + "Host: again.example.com\r\n", 400},
      {"/mqtt", mqtt + "Content-Length: 5\r\n\r\nhello", 400},
  };
  for (const auto& wrong : all) {
    WebClient web = client();
    EXPECT_EQ(web.upgrade(wrong.target, wrong.headers).status, wrong.status) << wrong.target << wrong.headers;
    EXPECT_TRUE(wrong.status == 404 || web.socket().ended());
  }
  EXPECT_EQ(gateway().counters().opened.get(), 0U);
}

TEST_F(Handshake, OfAPageOfTheSameHostIsAccepted) {
  EXPECT_EQ(client()
                .upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\nOrigin: https://chat.example.com\r\n")
                .status,
            101);
}

TEST_F(Handshake, NeedsVersion13AndAKey) {
  const std::string begin = "GET /mqtt HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string mqtt = "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
  EXPECT_EQ(client().request(begin + "Sec-WebSocket-Version: 13\r\n" + mqtt).status, 400);
  EXPECT_EQ(
      client().request(begin + "Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n" + mqtt).status,
      400);
  EXPECT_EQ(client()
                .request(begin +
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n" + mqtt)
                .status,
            426);
}

TEST_F(Handshake, MustBeWaitedFor) {
  WebClient web = client();
  const HttpAnswer answer =
      web.request("GET /mqtt HTTP/1.1\r\n" + std::string(kUpgradeHeaders) +
                  "Sec-WebSocket-Protocol: mqtt\r\n\r\n" + encode_frame(kBinary, "too early"));
  EXPECT_EQ(answer.status, 400);
}

TEST_F(Handshake, FailsWithoutABroker) {
  broker_.close();
  WebClient web = client();
  EXPECT_EQ(web.upgrade().status, 502);
  EXPECT_TRUE(web.socket().ended());
  EXPECT_EQ(gateway().counters().broker_away.get(), 1U);
}

TEST_F(Handshake, ThatIsNeverFinishedEnds) {
  config_.limits.request = std::chrono::milliseconds(100);
  WebClient silent = client(), slow = client();
  slow.socket().send("GET /mqtt HTTP/1.1\r\nHost: ");
  EXPECT_TRUE(silent.socket().ended());
  EXPECT_TRUE(slow.socket().ended());
  EXPECT_EQ(gateway().counters().timed_out.get(), 2U);
}

TEST_F(Handshake, HasAHeaderOfAtMost8KiB) {
  EXPECT_EQ(client().get("/healthz", "X-Large: " + std::string(7000, 'x') + "\r\n").status, 200);
  EXPECT_EQ(client().get("/healthz", "X-Large: " + std::string(8192, 'x') + "\r\n").status, 431);
  WebClient flood = client();
  EXPECT_EQ(flood.request("GET / HTTP/1.1\r\n" + std::string(100'000, 'x')).status, 431);
}

TEST_F(Handshake, IsHttp) {
  EXPECT_EQ(client().request("\x16\x03\x01\x02\r\n\r\n").status, 400);
  EXPECT_EQ(client().request("GET /healthz HTTP/1.1\r\n\r\n").status, 400) << "without Host";
  EXPECT_EQ(client().request("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").status, 405);
  EXPECT_EQ(client().get("/mqtt").status, 426);
}

TEST_F(Handshake, OfTooManyIsRefused) {
  config_.limits.connections = 2;
  Pair first = open();
  {
    const Pair second = open();
    EXPECT_EQ(client().upgrade().status, 503);
  }
  EXPECT_TRUE(eventually([&] { return gateway().counters().closed.get() == 1; }));
  // Who was refused is there until it has read the answer.
  EXPECT_TRUE(eventually([&] { return client().get("/healthz").status == 200; }));
}

TEST_F(Handshake, OfTooManyOfOneAddressIsRefused) {
  config_.limits.connections_per_address = 1;
  config_.trusted_proxies = {Network::parse("127.0.0.1").value()};
  const auto upgrade_of = [&](WebClient& web, const std::string& address) {
    return web.upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: " + address + "\r\n")
        .status;
  };
  WebClient first = client(), second = client(), other = client(), wrong = client();
  EXPECT_EQ(upgrade_of(first, "198.51.100.1"), 101);
  EXPECT_EQ(upgrade_of(second, "198.51.100.1"), 503);
  EXPECT_EQ(upgrade_of(other, "198.51.100.2"), 101);
  EXPECT_EQ(upgrade_of(wrong, "unknown"), 400);
}

// Who has too many connections does not take the places of others, however many they try.
TEST_F(Handshake, OneAddressTakesNobodyElsesPlace) {
  config_.limits.connections = 4;
  config_.limits.connections_per_address = 1;
  std::vector<WebClient> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(client_from("127.0.0.2"));
  EXPECT_TRUE(eventually([&] { return gateway().counters().accepted.get() >= 100; }));
  for (const char* other : {"127.0.0.1", "127.0.0.3", "127.0.0.4"}) {
    EXPECT_EQ(client_from(other).get("/healthz").status, 200) << other;
  }
}

TEST_F(Handshake, AForgedAddressCountsForNothing) {
  config_.limits.connections_per_address = 1;
  WebClient first = client(), second = client();
  EXPECT_EQ(
      first.upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 198.51.100.1\r\n").status,
      101);
  EXPECT_EQ(
      second.upgrade("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\nX-Forwarded-For: 198.51.100.2\r\n").status,
      503);
}

class Files : public GatewayTest {
 protected:
  Files() {
    config_.files.root = directory_.path();
    std::ofstream(directory_.path() / "index.html") << "<p>hello";
    std::ofstream(directory_.path() / "large.bin") << std::string(kLargeBytes, 'x');
  }
  static constexpr std::size_t kLargeBytes = 3'000'000;
  TemporaryDirectory directory_;
};

TEST_F(Files, AreServedOverOneConnection) {
  WebClient web = client();
  const HttpAnswer page = web.get("/?v=1");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>hello");
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.header("Referrer-Policy"), "no-referrer");
  EXPECT_THAT(page.header("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(page.header("Date"), HasSubstr("GMT"));

  const HttpAnswer same = web.get("/", "If-None-Match: " + page.header("ETag") + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_THAT(same.body, IsEmpty());
  const HttpAnswer head = web.request("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "8");
  EXPECT_EQ(web.get("/none").status, 404);
  EXPECT_EQ(web.get("/../index.html").status, 404);
  EXPECT_EQ(web.get("/large.bin").body.size(), kLargeBytes);
  EXPECT_EQ(web.get("/healthz").body, "ok\n");
}

TEST_F(Files, HaveAnEndOfTheirConnection) {
  WebClient web = client();
  int answered = 0;
  while (answered < 1000 && web.get("/").status == 200) ++answered;
  EXPECT_EQ(answered, 100);

  WebClient once = client();
  EXPECT_EQ(once.get("/", "Connection: close\r\n").status, 200);
  EXPECT_TRUE(once.socket().ended());
}

TEST_F(Handshake, WithoutARootThereAreNoFiles) {
  EXPECT_EQ(client().get("/index.html").status, 404);
}

}  // namespace
}  // namespace duet
