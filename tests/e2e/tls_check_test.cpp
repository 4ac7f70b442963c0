// scripts/tls-check finds what is wrong: servers that are weak on purpose.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "tests/support/places.h"
#include "tests/support/process.h"
#include "tests/support/raw_mqtt.h"

namespace duet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TlsCheck : public ::testing::Test {
 protected:
  // What it says of the server there, which must not be all well.
  std::string faults(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> argv{(source_dir() / "scripts" / "tls-check").string(),
                                  "localhost:" + std::to_string(port_)};
    argv.insert(argv.end(), more.begin(), more.end());
    const Finished finished = run_command(argv);
    EXPECT_EQ(finished.status, 1) << finished.out << finished.err;
    return finished.out;
  }

  // Makes key.pem and certificate.pem, which signs itself.
  void make_certificate(const std::string& key, const std::string& name,
                        const std::string& days = "30") const {
    const Finished asked =
        run_command({"openssl", "req", "-newkey", key, "-nodes", "-subj", "/CN=" + name, "-addext",
                     "subjectAltName=DNS:" + name, "-keyout", path("key.pem"), "-out", path("asked.pem")});
    ASSERT_EQ(asked.status, 0) << asked.err;
    const Finished made =
        run_command({"openssl", "x509", "-req", "-in", path("asked.pem"), "-signkey", path("key.pem"),
                     "-copy_extensions", "copyall", "-days", days, "-out", path("certificate.pem")});
    ASSERT_EQ(made.status, 0) << made.err;
  }
  // OpenSSL's own server, with everything that OpenSSL still knows unless the options say otherwise.
  void serve(std::vector<std::string> options) {
    std::vector<std::string> argv{"env",     "OPENSSL_CONF=/dev/null",
                                  "openssl", "s_server",
                                  "-quiet",  "-www",
                                  "-accept", std::to_string(port_),
                                  "-cert",   path("certificate.pem"),
                                  "-key",    path("key.pem")};
    argv.insert(argv.end(), options.begin(), options.end());
    server_.emplace(argv, ChildProcess::Streams::to_log, dir_.path() / "log");
    ASSERT_TRUE(eventually([&] { return accepts(); })) << text_of(dir_.path() / "log");
  }
  bool accepts() const {
    try {
      const RawMqtt connection(port_);
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }
  std::string path(const std::string& name) const { return dir_.path() / name; }

  const TempDir dir_;
  const std::uint16_t port_ = free_port();
  std::optional<ChildProcess> server_;
};

TEST_F(TlsCheck, FindsOldVersionsAndWeakSuites) {
  make_certificate("rsa:2048", "localhost");
  serve({"-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"});
  const std::string said = faults({"--ca", path("certificate.pem")});
  for (const char* wrong : {"WRONG  protocol     TLS 1.0 offered", "WRONG  protocol     TLS 1.1 offered",
                            "ECDHE_RSA_WITH_AES_128_CBC_SHA: no authenticated encryption",
                            "RSA_WITH_AES_128_GCM_SHA256: no forward secrecy", "RSA_WITH_NULL_SHA: NULL",
                            "ECDH_anon_WITH_AES_128_CBC_SHA: anonymous"}) {
    EXPECT_THAT(said, HasSubstr(wrong));
  }
  EXPECT_THAT(said, HasSubstr("ok     certificate  chain complete and trusted"));
  EXPECT_THAT(said, HasSubstr("ok     protocol     SSL 3 refused"));
}

TEST_F(TlsCheck, FindsThatTheNewVersionsAreMissing) {
  make_certificate("rsa:2048", "localhost");
  serve({"-cipher", "ALL:@SECLEVEL=0", "-tls1_1"});
  const std::string said = faults({"--ca", path("certificate.pem")});
  EXPECT_THAT(said, HasSubstr("WRONG  protocol     TLS 1.2 not offered"));
  EXPECT_THAT(said, HasSubstr("WRONG  protocol     TLS 1.3 not offered"));
}

TEST_F(TlsCheck, FindsWhatIsWrongWithACertificate) {
  const std::vector<std::string> good_ciphers{"-cipher", "ECDHE+AESGCM:@SECLEVEL=0", "-no_tls1",
                                              "-no_tls1_1"};
  const struct {
    const char* key;
    const char* name;
    const char* days;
    bool trusted;
    const char* said;
  } all[] = {
      {"rsa:1024", "localhost", "30", true, "WRONG  key          rsaEncryption, 1024 bits: too short"},
      {"rsa:2048", "other.example.com", "30", true, "ostname mismatch"},
      {"rsa:2048", "localhost", "-1", true, "certificate has expired"},
      {"rsa:2048", "localhost", "3", true, "WRONG  days left"},
      {"rsa:2048", "localhost", "30", false, "self-signed certificate"},
  };
  for (const auto& wrong : all) {
    server_.reset();
    make_certificate(wrong.key, wrong.name, wrong.days);
    serve(good_ciphers);
    std::vector<std::string> more;
    if (wrong.trusted) more = {"--ca", path("certificate.pem")};
    EXPECT_THAT(faults(more), HasSubstr(wrong.said));
  }
}

TEST_F(TlsCheck, FindsThatThereIsNoHsts) {
  make_certificate("rsa:2048", "localhost");
  serve({"-cipher", "ECDHE+AESGCM", "-no_tls1", "-no_tls1_1", "-groups", "X25519:P-256"});
  const std::string said = faults({"--ca", path("certificate.pem"), "--http"});
  EXPECT_THAT(said, HasSubstr("WRONG  HSTS"));
  EXPECT_THAT(said, HasSubstr("\n1 wrong")) << "and nothing else is";
}

// As an HAProxy is that somebody has opened for old clients.
TEST_F(TlsCheck, FindsAProxyThatWasOpenedForOldClients) {
  make_certificate("rsa:2048", "localhost");
  std::ofstream(path("server.pem")) << text_of(path("key.pem")) << text_of(path("certificate.pem"));
  std::ofstream(path("haproxy.cfg"))
      << "defaults\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n"
      << "frontend f\n mode http\n bind 127.0.0.1:" << port_ << " ssl crt " << path("server.pem")
      << " ssl-min-ver TLSv1.0 ciphers DEFAULT:@SECLEVEL=0\n"
      << " http-request return status 200\n";
  server_.emplace(
      std::vector<std::string>{"env", "OPENSSL_CONF=/dev/null", "haproxy", "-db", "-f", path("haproxy.cfg")},
      ChildProcess::Streams::to_log, dir_.path() / "log");
  ASSERT_TRUE(eventually([&] { return accepts(); })) << text_of(dir_.path() / "log");
  const std::string said = faults({"--ca", path("certificate.pem")});
  EXPECT_THAT(said, HasSubstr("WRONG  protocol     TLS 1.0 offered"));
  EXPECT_THAT(said, HasSubstr("no forward secrecy"));
}

TEST_F(TlsCheck, SaysWhenThereIsNobody) {
  const Finished finished =
      run_command({(source_dir() / "scripts" / "tls-check").string(), "localhost:" + std::to_string(port_)});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("refused"));
}

// Takes whatever is offered first, in the version that is offered: SSL 3 with RC4 too, which no library has
// any more.
class YesMan {
 public:
  explicit YesMan(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    constexpr int kWaiting = 16;
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(socket_, kWaiting) != 0) {
      throw std::runtime_error("cannot listen");
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~YesMan() {
    thread_.request_stop();
    thread_.join();
    close(socket_);
  }
  YesMan(const YesMan&) = delete;
  YesMan& operator=(const YesMan&) = delete;

 private:
  void serve(const std::stop_token& stop) const {
    constexpr int kStopIntervalMs = 50;
    while (!stop.stop_requested()) {
      pollfd ready{socket_, POLLIN, 0};
      if (poll(&ready, 1, kStopIntervalMs) <= 0) continue;
      const int connection = accept(socket_, nullptr, nullptr);
      std::array<char, 4096> hello{};
      const auto got = recv(connection, hello.data(), hello.size(), 0);
      if (got > 0) {
        const std::string answer = agree(std::string(hello.data(), static_cast<std::size_t>(got)));
        [[maybe_unused]] const auto sent = ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      close(connection);
    }
  }

  // A ServerHello without extensions: version, 32 random bytes, no session, suite, no compression (RFC
  // 5246 7.4.1.3).
  static std::string agree(const std::string& hello) {
    constexpr std::size_t kVersion = 9;
    constexpr std::size_t kSession = kVersion + 2 + 32;
    const std::string version = hello.substr(kVersion, 2);
    const auto session_bytes = static_cast<unsigned char>(hello.at(kSession));
    const std::string suite = hello.substr(kSession + 1 + session_bytes + 2, 2);
    const std::string body = version + std::string(33, '\0') + suite + '\0';
    const std::string message = std::string("\x02\x00\x00", 3) + static_cast<char>(body.size()) + body;
    return "\x16" + version + '\0' + static_cast<char>(message.size()) + message;
  }

  int socket_;
  std::jthread thread_;
};

TEST_F(TlsCheck, FindsWhatNoLibraryHasAnyMore) {
  const YesMan server(port_);
  const std::string said = faults();
  for (const char* wrong : {"WRONG  protocol     SSL 3 offered", ": RC4", ": 3DES", ": EXPORT", ": NULL",
                            ": anonymous", ": DES"}) {
    EXPECT_THAT(said, HasSubstr(wrong));
  }
  EXPECT_THAT(said, Not(HasSubstr("protocol     TLS 1.3 offered"))) << "it only says so";
}

}  // namespace
}  // namespace duet
