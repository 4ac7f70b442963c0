// Behind the front door: the logs say from which address each client came, also through a load balancer.

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"
#include "tests/support/tls_connection.h"

namespace duet {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBalancer = "127.0.0.9";

// What HAProxy answers to a command at its admin socket.
std::string ask_proxy(const std::filesystem::path& socket_path, std::string_view command) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, command.data(), command.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

class DoorLog : public SharedPlatformTest<DoorLog> {
 public:
  static PlatformSpec spec() {
    return {.config = std::string(kUnlimited) + "[tls]\nconnects_per_address = 40\naccept_proxy = [\"" +
                      kBalancer + "\"]\n",
            .tls = true};
  }

 protected:
  static TlsConnection to_mqtts(const std::string& from, std::string_view before = {}) {
    return TlsConnection(platform().mqtts_port(), platform().ca_file(), from, before);
  }
  static TlsConnection to_https(const std::string& from, std::string_view before = {}) {
    return TlsConnection(platform().https_port(), platform().ca_file(), from, before);
  }
  // What a load balancer sends first (the PROXY protocol, version 1).
  static std::string header_of(const std::string& client) {
    return "PROXY TCP4 " + client + " 198.51.100.1 5555 443\r\n";
  }
  static std::string bad_connect(const std::string& client_id) {
    return connect_packet(client_id, "alice", "no token");
  }
  // The broker's answer to a CONNECT with a bad token; "" when the front door lets nothing through.
  static std::string answer_to(const TlsConnection& connection, const std::string& client_id) {
    connection.send(bad_connect(client_id));
    return connection.receive(4);
  }
  // A WebSocket on which such a CONNECT is sent. Returns once it is answered.
  static void refused_websocket(const TlsConnection& connection, const std::string& client_id) {
    connection.send(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    std::string answer;
    while (!answer.ends_with("\r\n\r\n")) {
      const std::string byte = connection.receive(1);
      if (byte.empty()) break;
      answer += byte;
    }
    ASSERT_THAT(answer, HasSubstr(" 101 "));
    const std::string packet = bad_connect(client_id);
    // One binary frame with the mask 0 (RFC 6455, 5.2).
    connection.send(std::string("\x82") + static_cast<char>(0x80 + packet.size()) + std::string(4, '\0') +
                    packet);
    connection.receive(6);  // a frame with the CONNACK
  }
  static void failed_login(const TlsConnection& connection) {
    const std::string form = "grant_type=password&client_id=duet&username=alice&password=guessed";
    connection.send(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
        std::to_string(form.size()) + "\r\n\r\n" + form);
    EXPECT_EQ(connection.receive(12), "HTTP/1.1 400");
  }
  static bool log_has(std::string_view log, const std::string& regex) {
    return eventually([&] { return ::testing::Matches(ContainsRegex(regex))(platform().log_of(log)); });
  }
  // What shipped filter finds in a log, one address on a line.
  static std::string found_by_fail2ban(const std::string& log) {
    return run_command({"fail2ban-regex", "-l", "CRITICAL", "-o", "<ip>",
                        platform().data_dir() / "log" / (log + ".log"),
                        (source_dir() / "deploy" / "fail2ban" / "filter.d" / "duet.conf").string()})
        .out;
  }
};

TEST_F(DoorLog, JoinsARefusalOfTheBrokerToTheAddress) {
  EXPECT_EQ(answer_to(to_mqtts("127.0.0.2"), "alice:refused"), std::string("\x20\x02\x00\x05", 4));
  EXPECT_TRUE(log_has("proxy", "mqtts 127.0.0.2:[0-9]+ client=alice:refused connack=5 "));
  EXPECT_TRUE(log_has("broker", "refused alice:refused from 127.0.0.1: "));
  EXPECT_THAT(found_by_fail2ban("proxy"), HasSubstr("127.0.0.2\n"));
}

TEST_F(DoorLog, ListsWhoIsConnectedFromWhere) {
  const auto connected = [] {
    return ask_proxy(platform().data_dir() / "run" / "haproxy.sock", "show table connected\n");
  };
  {
    const auto connection = to_mqtts("127.0.0.3");
    connection.send(connect_packet("carol:phone", "carol", platform().tokens().chat("carol")));
    EXPECT_EQ(connection.receive(4), std::string("\x20\x02\x00\x00", 4));
    EXPECT_THAT(connected(), ContainsRegex("key=carol:phone. 127.0.0.3 use=1 "));
    EXPECT_TRUE(log_has("broker", "carol:phone connected from 127.0.0.1"));
  }
  EXPECT_TRUE(log_has("proxy", "mqtts 127.0.0.3:[0-9]+ client=carol:phone connack=0 "));
  EXPECT_THAT(connected(), Not(ContainsRegex("key=carol:phone. 127.0.0.3 use=1 ")));
  EXPECT_THAT(found_by_fail2ban("proxy"), Not(HasSubstr("127.0.0.3\n")));
}

TEST_F(DoorLog, AClientIdCannotForgeALine) {
  answer_to(to_mqtts("127.0.0.4"), "x connack=0 mqtts 203.0.113.66:1 client=y:z connack=5 ");
  EXPECT_TRUE(log_has("proxy", "mqtts 127.0.0.4:[0-9]+ client=[?] connack=5 "));
  refused_websocket(to_https("127.0.0.4"), "x from 203.0.113.66: the broker answered 5");
  EXPECT_TRUE(log_has("gateway", "refused [?] from 127.0.0.4: the broker answered 5"));
  for (const char* log : {"proxy", "gateway"}) {
    EXPECT_THAT(platform().log_of(log), Not(HasSubstr("203.0.113.66"))) << log;
    EXPECT_THAT(found_by_fail2ban(log), HasSubstr("127.0.0.4\n")) << log;
  }
}

TEST_F(DoorLog, AWebSocketsAddressIsInTheGatewaysLog) {
  refused_websocket(to_https("127.0.0.5"), "alice:tab");
  EXPECT_TRUE(log_has("gateway", "refused alice:tab from 127.0.0.5: the broker answered 5"));
  EXPECT_THAT(found_by_fail2ban("gateway"), HasSubstr("127.0.0.5\n"));
}

TEST_F(DoorLog, ClientsOfALoadBalancerKeepTheirAddresses) {
  EXPECT_EQ(answer_to(to_mqtts(kBalancer, header_of("203.0.113.1")), "alice:balanced").size(), 4U);
  EXPECT_TRUE(log_has("proxy", "mqtts 203.0.113.1:5555 client=alice:balanced connack=5 "));
  // Version 2 of the protocol, of an IPv6 client: 2001:db8::2.
  std::string v6("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24", 16);
  v6 += std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x02' + std::string(15, '\0') + '\x01';
  v6 += std::string("\x15\xb3\x01\xbb", 4);
  EXPECT_EQ(answer_to(to_mqtts(kBalancer, v6), "alice:balanced6").size(), 4U);
  EXPECT_TRUE(log_has("proxy", "mqtts 2001:db8::2:5555 client=alice:balanced6 connack=5 "));

  failed_login(to_https(kBalancer, header_of("203.0.113.3")));
  EXPECT_TRUE(log_has("auth", "login_failed user=alice address=203.0.113.3 "));
  refused_websocket(to_https(kBalancer, header_of("203.0.113.4")), "alice:tab");
  EXPECT_TRUE(log_has("gateway", "refused alice:tab from 203.0.113.4: "));
  EXPECT_THAT(found_by_fail2ban("proxy"), AllOf(HasSubstr("203.0.113.1\n"), HasSubstr("2001:db8::2\n")));
  EXPECT_THAT(found_by_fail2ban("auth"), HasSubstr("203.0.113.3\n"));
}

TEST_F(DoorLog, IgnoresAProxyHeaderFromOtherAddresses) {
  EXPECT_FALSE(to_mqtts("127.0.0.6", header_of("203.0.113.66")).open());
  EXPECT_FALSE(to_https("127.0.0.6", header_of("203.0.113.66")).open());
  EXPECT_THAT(platform().log_of("proxy"), Not(HasSubstr("203.0.113.66")));
  EXPECT_FALSE(to_mqtts(kBalancer).open()) << "a load balancer without the header";
}

TEST_F(DoorLog, AClientOfALoadBalancerCannotUseUpTheOthersLimits) {
  const auto answered = [](const std::string& client) {
    return answer_to(to_mqtts(kBalancer, header_of(client)), "alice:phone").size() == 4;
  };
  bool refused = false;
  for (int i = 0; i < 300 && !refused; ++i) refused = !answered("203.0.113.50");
  EXPECT_TRUE(refused);
  EXPECT_TRUE(answered("203.0.113.51"));
  EXPECT_EQ(answer_to(to_mqtts("127.0.0.7"), "alice:phone").size(), 4U) << "who comes without it";
}

}  // namespace
}  // namespace duet
