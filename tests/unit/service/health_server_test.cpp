#include "service/health_server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "service/ask.h"
#include "service/systemd.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::chrono::seconds kLong{60};
const HealthListen kAnyPort = *parse_health_listen("127.0.0.1:0");

template <typename Socket>
std::string exchange(Socket& socket, const std::string& request) {
  asio::write(socket, asio::buffer(request));
  std::string answer;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  return answer;
}

std::string ask(std::uint16_t port, const std::string& request) {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), port});
  return exchange(socket, request);
}

std::string ask(const std::filesystem::path& path, const std::string& request) {
  asio::io_context io;
  asio::local::stream_protocol::socket socket(io);
  socket.connect({path.string()});
  return exchange(socket, request);
}

std::string get(std::uint16_t port, const std::string& path) {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

TEST(HealthListenText, NamesAPortOrASocket) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*parse_health_listen("none")));
  EXPECT_EQ(std::get<HealthPort>(*parse_health_listen("127.0.0.1:8091")).port, 8091);
  EXPECT_EQ(std::get<HealthPort>(*parse_health_listen("[::1]:8091")).address.text(), "::1");
  EXPECT_EQ(std::get<std::filesystem::path>(*parse_health_listen("unix:/run/a b")), "/run/a b");
  for (const std::string text : {"", "8091", "localhost:8091", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
                                 "unix:", "unix:relative"}) {
    EXPECT_FALSE(parse_health_listen(text)) << text;
  }
  EXPECT_FALSE(parse_health_listen("unix:/" + std::string(200, 'x')));
}

TEST(HealthServerTest, AnswersLiveAndReadyApart) {
  std::atomic<bool> live = true;
  std::atomic<bool> ready = true;
  const HealthServer server(kAnyPort, [&] {
    return HealthReport{live, ready, ready ? std::vector<std::string>() : std::vector<std::string>{"why"}};
  });
  for (const char* path : {"/healthz", "/healthz/live", "/healthz/ready", "/healthz/ready?x=1"}) {
    const auto answer = get(server.port(), path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << path;
    EXPECT_THAT(answer, HasSubstr(R"({"live":true,"ready":true,"reasons":[]})")) << path;
  }
  ready = false;
  EXPECT_THAT(get(server.port(), "/healthz/live"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get(server.port(), "/healthz/ready"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get(server.port(), "/healthz/ready"), HasSubstr(R"("reasons":["why"])"));
  live = false;
  EXPECT_THAT(get(server.port(), "/healthz/live"), StartsWith("HTTP/1.1 503 "));
}

TEST(HealthServerTest, AnswersNothingElse) {
  const HealthServer server(kAnyPort, [] { return HealthReport(); });
  EXPECT_THAT(get(server.port(), "/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get(server.port(), "/healthz/other"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask(server.port(), "DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  const auto head = ask(server.port(), "HEAD /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.0 200 "));
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_EQ(ask(server.port(), "no HTTP at all\r\n\r\n"), "");
  EXPECT_EQ(ask(server.port(), "GET /healthz HTTP/1.1\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"), "");
}

// Whoever sends nothing keeps nobody else waiting.
TEST(HealthServerTest, ASilentClientKeepsNobodyWaiting) {
  const HealthServer server(kAnyPort, [] { return HealthReport(); });
  asio::io_context io;
  asio::ip::tcp::socket silent(io);
  silent.connect({asio::ip::address_v4::loopback(), server.port()});
  EXPECT_THAT(get(server.port(), "/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST(HealthServerTest, ListensOnAUnixSocketOfTheOwnersAlone) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "health";
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);  // what a killed process leaves
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
  }
  {
    const HealthServer server(path, [] { return HealthReport(); });
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_THAT(ask(path, "GET /healthz/ready HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.0 200 "));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HealthServerTest, SaysWhyItCannotListen) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "taken";
  std::ofstream(path) << "a file of somebody's";
  EXPECT_THROW(HealthServer(path, [] { return HealthReport(); }), std::runtime_error);
  EXPECT_TRUE(std::filesystem::exists(path));
  const HealthServer first(kAnyPort, [] { return HealthReport(); });
  EXPECT_THROW(HealthServer(HealthPort{std::get<HealthPort>(kAnyPort).address, first.port()},
                            [] { return HealthReport(); }),
               std::runtime_error);
}

TEST(Asking, ReturnsTheReport) {
  const HealthReport report{.live = true, .ready = false, .reasons = {"why"}};
  const HealthServer server(kAnyPort, [&] { return report; });
  const HealthPort port{std::get<HealthPort>(kAnyPort).address, server.port()};
  EXPECT_EQ(ask_health(port, kLong), report);
  const TemporaryDirectory directory;
  const auto path = directory.path() / "health";
  const HealthServer other(path, [&] { return report; });
  EXPECT_EQ(ask_health(path, kLong), report);
}

// A port that accepts connections and says `answer` on the first.
class Answering {
 public:
  explicit Answering(std::string answer)
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}), answer_(std::move(answer)) {
    if (!answer_.empty()) thread_ = std::jthread([this] { serve(); });
  }
  HealthPort port() const {
    return {std::get<HealthPort>(kAnyPort).address, acceptor_.local_endpoint().port()};
  }
  const std::string& asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve() {
    auto socket = acceptor_.accept();
    std::array<char, 1000> buffer{};
    asked_.assign(buffer.data(), socket.read_some(asio::buffer(buffer)));
    asio::write(socket, asio::buffer(answer_));
  }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  const std::string answer_;
  std::string asked_;
  std::jthread thread_;
};

TEST(Asking, SaysWhyThereIsNoReport) {
  std::uint16_t closed = 0;
  { closed = Answering("").port().port; }
  EXPECT_EQ(ask_health(HealthPort{std::get<HealthPort>(kAnyPort).address, closed}, kLong).error(),
            "Connection refused");
  EXPECT_EQ(ask_health("/no/such/socket", kLong).error(), "No such file or directory");
  Answering silent("");
  EXPECT_EQ(ask_health(silent.port(), std::chrono::milliseconds(10)).error(), "no answer for 0 s");
  Answering other("HTTP/1.1 200 OK\r\n\r\nok");
  EXPECT_EQ(ask_health(other.port(), kLong).error(), "what it answers is no report");
}

TEST(Asking, TheBrokerAnswersAConnectOfAnUnknownVersion) {
  Answering broker(std::string("\x20\x02\x00\x01", 4));
  EXPECT_EQ(ping_broker(broker.port(), kLong), std::nullopt);
  EXPECT_EQ(broker.asked(), std::string("\x10\x10\x00\x04MQTT\x7f\x02\x00\x3c\x00\x04ping", 18));
  Answering other("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_EQ(ping_broker(other.port(), kLong), "what it answers is not MQTT");
  Answering silent("");
  EXPECT_EQ(ping_broker(silent.port(), std::chrono::milliseconds(10)), "no answer for 0 s");
}

// In the place of systemd.
class Manager : public ::testing::Test {
 protected:
  Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    const auto path = directory_.path() / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "90000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }
  ~Manager() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    ::close(fd_);
  }
  std::string next() const {
    std::array<char, 1000> buffer{};
    const auto size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

  const TemporaryDirectory directory_;
  const int fd_;
};

TEST_F(Manager, IsToldThatTheServiceLivesWhileItDoes) {
  std::atomic<bool> live = true;
  {
    const HealthServer server(HealthListen(), [&] {
      return HealthReport{live, false, {live ? "no broker" : "the writer has not moved for 31 s"}};
    });
    EXPECT_EQ(next(), "STATUS=no broker\nREADY=1\nWATCHDOG=1");
    EXPECT_EQ(next(), "STATUS=no broker\nREADY=1\nWATCHDOG=1");
    live = false;
    std::string said = next();
    while (said.find("WATCHDOG") != std::string::npos) said = next();
    EXPECT_EQ(said, "STATUS=the writer has not moved for 31 s");
  }
}

TEST_F(Manager, ItsWatchdogIsNotMeantForAChildProcess) {
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_TRUE(ServiceManager::from_environment().present());
  EXPECT_EQ(ServiceManager::from_environment().watchdog(), std::nullopt);
}

}  // namespace
}  // namespace duet
