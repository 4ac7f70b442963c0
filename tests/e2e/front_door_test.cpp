// The front door: everything by TLS, with nothing in hand but curl and other people's MQTT clients; and what
// it keeps out.

#include <gmock/gmock.h>

#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"
#include "tests/support/sdk_client.h"
#include "tests/support/tls_connection.h"

namespace duet {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kDoorPassword = "correct horse";

// An HTTP answer, as curl tells it.
struct Fetched {
  int status = 0;
  std::string head;
  std::string body;
  json parsed() const { return json::parse(body, nullptr, false); }
};

class FrontDoorTest : public OwnPlatformTest {
 protected:
  // Whoever waits for something here asks again and again, faster than one address may.
  explicit FrontDoorTest(const std::string& limits =
                             "[tls]\nconnects_per_address = 0\n"
                             "requests_per_address = 0\n")
      : OwnPlatformTest(PlatformSpec{.config = std::string(kUnlimited) + limits, .tls = true}) {}

  std::string url(const std::string& path) {
    return platform().ready()->at("tls").at("https").get<std::string>() + path;
  }

  Fetched curl(const std::string& path, const std::vector<std::string>& more = {}) {
    const TempDir dir;
    const std::string head = dir.path() / "head";
    const std::string body = dir.path() / "body";
    std::vector<std::string> argv{"curl", "-s", "--cacert", platform().ca_file(), "-D",     head,
                                  "-o",   body, "-w",       "%{http_code}",       url(path)};
    argv.insert(argv.end(), more.begin(), more.end());
    const Finished finished = run_command(argv);
    return {.status = std::atoi(finished.out.c_str()), .head = text_of(head), .body = text_of(body)};
  }

  int sign_up(const std::string& user) {
    const json account{{"username", user}, {"password", kDoorPassword}};
    return curl("/v1/accounts", {"-H", "Content-Type: application/json", "-d", account.dump()}).status;
  }
  json log_in(const std::string& user, const std::string& device) {
    return curl("/oauth/token",
                {"-d", "grant_type=password", "-d", "client_id=duet", "-d", "username=" + user,
                 "--data-urlencode", std::string("password=") + kDoorPassword, "-d", "device=" + device})
        .parsed();
  }

  std::unique_ptr<SdkClient> come_in(SdkKind kind, const std::string& user, const std::string& token,
                                     MqttVersion version = MqttVersion::v5) {
    const SdkAccount account{.mqtt_port = platform().mqtts_port(),
                             .ws_url = platform().ready()->at("tls").at("wss"),
                             .version = version,
                             .user = user,
                             .device = "phone",
                             .token = token,
                             .filters = {"u/" + user + "/in/#"},
                             .ca_file = platform().ca_file()};
    // The broker looks for the first keys of the auth service once a second.
    std::unique_ptr<SdkClient> client;
    EXPECT_TRUE(eventually([&] {
      try {
        client = make_sdk_client(kind, account);
      } catch (const std::runtime_error&) {
        return false;
      }
      return true;
    }));
    return client;
  }

  TlsConnection tls_connection(std::uint16_t port, const std::string& from = "127.0.0.1") {
    return TlsConnection(port, platform().ca_file(), from);
  }
  // Whether the broker answers a CONNECT from that address: 4 bytes, a CONNACK.
  bool connack_from(const std::string& from) {
    const auto connection = tls_connection(platform().mqtts_port(), from);
    connection.send(connect_packet("alice:phone", "alice", "no token"));
    return connection.receive(4).size() == 4;
  }
};

void tell(SdkClient& from, const std::string& sender, SdkClient& to, const std::string& receiver) {
  const std::string id = TestDevice::fresh_id();
  const auto has_id = [&](const json& envelope) { return envelope.value("id", "") == id; };
  from.publish("u/" + sender + "/out/" + receiver + "/msg", json{{"id", id}, {"body", "hello"}}.dump());
  from.wait_for("u/" + sender + "/in/" + receiver + "/sent", has_id);
  EXPECT_EQ(to.wait_for("u/" + receiver + "/in/" + sender + "/msg", has_id).at("body"), "hello");
}

TEST_F(FrontDoorTest, FromNothingToAChatAndOutAgain) {
  ASSERT_EQ(sign_up("alice"), 201);
  ASSERT_EQ(sign_up("bob"), 201);
  EXPECT_EQ(curl("/.well-known/oauth-authorization-server").parsed().at("issuer"), url(""));
  const json login = log_in("alice", "phone");

  // Alice by MQTT over TLS, as a script would; Bob from a web page, by WebSocket.
  const std::string command = "exec mosquitto_sub -V 5 -h localhost -p " +
                              std::to_string(platform().mqtts_port()) + " --cafile " +
                              platform().ca_file().string() + " -i alice:phone -u alice -P '" +
                              login.at("access_token").get<std::string>() + "' -q 1 -t 'u/alice/in/#' -v";
  const TempDir dir;
  const auto heard = dir.path() / "heard";
  // The broker looks for the first keys of the auth service once a second.
  const auto bob = come_in(SdkKind::mqttjs_websocket, "bob", log_in("bob", "phone").at("access_token"));
  ChildProcess alice({"sh", "-c", command}, ChildProcess::Streams::to_log, heard);
  EXPECT_TRUE(eventually([&] {
    bob->publish("u/bob/out/alice/msg", json{{"id", TestDevice::fresh_id()}, {"body", "hello alice"}}.dump());
    return text_of(heard).find("hello alice") != std::string::npos;
  })) << text_of(heard);

  // Refresh, then end the login: the connection ends, and neither token is good for anything.
  const json second = curl("/oauth/token", {"-d", "grant_type=refresh_token", "-d", "client_id=duet", "-d",
                                            "refresh_token=" + login.at("refresh_token").get<std::string>()})
                          .parsed();
  const auto refresh_token = second.at("refresh_token").get<std::string>();
  EXPECT_FALSE(alice.exit_status());
  EXPECT_EQ(curl("/oauth/revoke", {"-d", "client_id=duet", "-d", "token=" + refresh_token}).status, 200);
  EXPECT_TRUE(alice.wait());
  EXPECT_EQ(curl("/oauth/token", {"-d", "grant_type=refresh_token", "-d", "client_id=duet", "-d",
                                  "refresh_token=" + refresh_token})
                .status,
            400);
  const auto again = second.at("access_token").get<std::string>();
  EXPECT_NE(run_command({"mosquitto_pub", "-h", "localhost", "-p", std::to_string(platform().mqtts_port()),
                         "--cafile", platform().ca_file(), "-i", "alice:phone", "-u", "alice", "-P", again,
                         "-q", "1", "-t", "u/alice/out/bob/msg", "-m", "{}"})
                .status,
            0);
  EXPECT_THAT(platform().log_of("proxy"), Not(HasSubstr("eyJ"))) << "a token";
}

TEST_F(FrontDoorTest, EverySdkComesInByTls) {
  const auto token = [&](const std::string& user) { return platform().tokens().chat(user); };
  const auto script = come_in(SdkKind::mosquitto_cli, "script", token("script"), MqttVersion::v3_1_1);
  const auto node = come_in(SdkKind::mqttjs_tcp, "node", token("node"));
  const auto page = come_in(SdkKind::mqttjs_websocket, "page", token("page"), MqttVersion::v3_1_1);
  const auto paho = come_in(SdkKind::paho_cpp, "paho", token("paho"));
  tell(*script, "script", *node, "node");
  tell(*node, "node", *page, "page");
  tell(*page, "page", *paho, "paho");
  tell(*paho, "paho", *script, "script");
}

TEST_F(FrontDoorTest, SaysWhatItIsAndHidesTheRest) {
  const auto health = curl("/healthz");
  EXPECT_EQ(health.status, 200);
  EXPECT_THAT(health.head, HasSubstr("strict-transport-security: max-age="));
  EXPECT_EQ(curl("/healthz/auth").status, 200);
  for (const char* hidden : {"/metrics", "/stats", "/haproxy?stats"})
    EXPECT_EQ(curl(hidden).status, 404) << hidden;
  const std::string socket = platform().data_dir() / "run" / "metrics.sock";
  EXPECT_THAT(run_command({"curl", "-s", "--unix-socket", socket, "http://localhost/metrics"}).out,
              HasSubstr("haproxy_process_"));

  // Another spelling of a path does not lead around its limits, nor a method nobody serves to anything.
  EXPECT_EQ(curl("/v1/%61ccounts").status, 404);
  EXPECT_EQ(curl("/", {"-X", "TRACE"}).status, 405);
  EXPECT_EQ(curl("/", {"-H", "X-Large: " + std::string(9000, 'x')}).status, 431);
  EXPECT_EQ(curl("/v1/accounts", {"-d", std::string(20'000, 'x')}).status, 413);

  // The health of each is told, and comes back with it.
  platform().kill(Service::gateway, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return curl("/healthz/gateway").status == 503; }));
  EXPECT_EQ(curl("/healthz/auth").status, 200);
  platform().kill(Service::gateway, SIGCONT);
  EXPECT_TRUE(eventually([&] { return curl("/healthz").status == 200; }));
}

// duet-auth's audit has the address that the proxy saw, not the one that the client made up.
TEST_F(FrontDoorTest, AForgedAddressIsNotBelieved) {
  for (const char* header :
       {"X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7", "X-Real-IP: 192.0.2.7"}) {
    curl("/oauth/token", {"-H", header, "--interface", "127.0.0.2", "-d", "grant_type=password", "-d",
                          "client_id=duet", "-d", "username=nobody", "-d", "password=guessed"});
  }
  EXPECT_TRUE(
      eventually([&] { return platform().log_of("auth").find("login_failed") != std::string::npos; }));
  EXPECT_THAT(platform().log_of("auth"), HasSubstr("address=127.0.0.2"));
  EXPECT_THAT(platform().log_of("auth"), Not(HasSubstr("192.0.2.7")));
}

class FrontDoorLimits : public FrontDoorTest {
 protected:
  FrontDoorLimits()
      : FrontDoorTest("[tls]\nconnects_per_address = 30\nlogins_per_address = 5\nrequest_s = 1\n") {}
};

TEST_F(FrontDoorLimits, AFloodOfConnectsIsRefusedAndOthersAreServed) {
  EXPECT_TRUE(connack_from("127.0.0.3"));
  bool refused = false;
  for (int i = 0; i < 300 && !refused; ++i) refused = !connack_from("127.0.0.3");
  EXPECT_TRUE(refused);
  EXPECT_TRUE(connack_from("127.0.0.2"));
}

TEST_F(FrontDoorLimits, AFloodOfGuessesIsRefusedBeforeTheServiceAndOthersAreServed) {
  const std::vector<std::string> guess{"-d", "grant_type=password", "-d", "client_id=duet",
                                       "-d", "username=alice",      "-d", "password=guessed"};
  const auto guess_from = [&](const std::string& address) {
    auto more = guess;
    more.insert(more.end(), {"--interface", address});
    return curl("/oauth/token", more);
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(guess_from("127.0.0.3").status, 400) << i;
  const auto refused = guess_from("127.0.0.3");
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, HasSubstr("retry-after: 60"));
  EXPECT_EQ(guess_from("127.0.0.2").status, 400);
  EXPECT_EQ(curl("/.well-known/jwks.json", {"--interface", "127.0.0.3"}).status, 200)
      << "the rest is still served";
  // The sixth guess did not reach it.
  const std::string log = platform().log_of("auth");
  int seen = 0;
  for (auto at = log.find("login_failed"); at != std::string::npos; at = log.find("login_failed", at + 1))
    ++seen;
  EXPECT_EQ(seen, 6);
}

TEST_F(FrontDoorLimits, WhatDoesNotComeInTimeIsCutOff) {
  const auto mqtts = platform().mqtts_port();
  const auto https = platform().https_port();

  const RawMqtt no_handshake(mqtts);
  const RawMqtt half_handshake(https);
  half_handshake.send(std::string("\x16\x03\x01\x02", 4));
  const auto no_connect = tls_connection(mqtts);
  const auto half_connect = tls_connection(mqtts);
  const std::string connect = connect_packet("alice:phone", "alice", "no token");
  half_connect.send(connect.substr(0, connect.size() - 1));
  const auto half_request = tls_connection(https);
  half_request.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  const auto half_body = tls_connection(https);
  half_body.send("POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ngrant_type=");

  EXPECT_TRUE(no_handshake.closed());
  EXPECT_TRUE(half_handshake.closed());
  EXPECT_TRUE(no_connect.closed());
  EXPECT_TRUE(half_connect.closed());
  EXPECT_THAT(half_request.receive(12), "HTTP/1.1 408");
  EXPECT_THAT(half_body.receive(12), "HTTP/1.1 408");
  // While a client that has come in may be silent for longer.
  const auto device = come_in(SdkKind::paho_cpp, "alice", platform().tokens().chat("alice"));
  const auto marker = tls_connection(mqtts);
  EXPECT_TRUE(marker.closed());
  device->publish("u/alice/out/bob/msg", json{{"id", "late"}, {"body", "still here"}}.dump());
  device->wait_for("u/alice/in/bob/sent", [](const json& sent) { return sent.value("id", "") == "late"; });
}

TEST_F(FrontDoorLimits, OnlyAConnectComesThrough) {
  const std::string others[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                publish_packet("u/alice/out/bob/msg", "{}", 1),
                                mqtt_packet(0x20, std::string(2, '\0')), mqtt_packet(0xc0, ""),
                                connect_packet("alice:phone", "alice", std::string(40'000, 'x'))};
  for (const auto& bytes : others) {
    const auto connection = tls_connection(platform().mqtts_port());
    EXPECT_TRUE(connection.open());
    connection.send(bytes);
    EXPECT_TRUE(connection.closed());
  }
  // HAProxy's word for what it refused itself: nothing of that has come to the broker.
  const auto refused = [&] {
    const std::string log = platform().log_of("proxy");
    std::size_t count = 0;
    for (auto at = log.find(" PR "); at != std::string::npos; at = log.find(" PR ", at + 1)) ++count;
    return count;
  };
  EXPECT_TRUE(eventually([&] { return refused() == std::size(others); })) << platform().log_of("proxy");
  EXPECT_TRUE(connack_from("127.0.0.1"));
}

class FrontDoorRun : public OwnPlatformTest {
 protected:
  FrontDoorRun() : OwnPlatformTest(PlatformSpec{.tls = true}) {}

  Finished check(std::uint16_t port, const std::vector<std::string>& more = {}) {
    std::vector<std::string> argv{(source_dir() / "scripts" / "tls-check").string(),
                                  "localhost:" + std::to_string(port), "--ca", platform().ca_file()};
    argv.insert(argv.end(), more.begin(), more.end());
    return run_command(argv);
  }
  std::string serial() {
    return run_command({"sh", "-c",
                        "openssl s_client -connect localhost:" + std::to_string(platform().https_port()) +
                            " </dev/null 2>/dev/null | openssl x509 -noout -serial"})
        .out;
  }
};

TEST_F(FrontDoorRun, IsAsItShouldBe) {
  const auto https = check(platform().https_port(), {"--http"});
  EXPECT_EQ(https.status, 0) << https.out << https.err;
  EXPECT_THAT(https.out, HasSubstr("TLS 1.3 TLS_AES_256_GCM_SHA384"));
  EXPECT_THAT(https.out, HasSubstr("TLS 1.2 ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
  const auto mqtts = check(platform().mqtts_port());
  EXPECT_EQ(mqtts.status, 0) << mqtts.out << mqtts.err;
}

// A certificate that is due, or gone, is replaced; so is the proxy. Nobody who is connected notices the
// former.
TEST_F(FrontDoorRun, ANewCertificateIsShownAndNoConnectionEnds) {
  const TlsConnection before(platform().mqtts_port(), platform().ca_file());
  before.send(connect_packet("alice:phone", "alice", platform().tokens().chat("alice")));
  EXPECT_EQ(before.receive(4), std::string("\x20\x02\x00\x00", 4));
  const std::string old = serial();
  ASSERT_THAT(old, StartsWith("serial="));
  std::filesystem::remove(platform().data_dir() / "tls" / "server.pem");
  EXPECT_TRUE(eventually([&] { return serial() != old; }));
  EXPECT_TRUE(TlsConnection(platform().mqtts_port(), platform().ca_file()).open());
  before.send(std::string("\xc0\x00", 2));  // PINGREQ
  EXPECT_EQ(before.receive(2), std::string("\xd0\x00", 2));

  platform().kill_and_await({Service::proxy});
  EXPECT_TRUE(eventually([&] { return check(platform().https_port(), {"--http"}).status == 0; }));
}

}  // namespace
}  // namespace duet
