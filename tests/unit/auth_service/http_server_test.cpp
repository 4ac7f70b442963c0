#include "auth_service/http_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "auth_service/request_socket.h"
#include "tests/support/auth_client.h"
#include "tests/support/patience.h"

namespace duet {
namespace {

HttpSettings any_port(std::size_t threads = 2) {
  HttpSettings settings;
  settings.port = 0;
  settings.threads = threads;
  return settings;
}

void must_not_break() {
  ADD_FAILURE() << "the server broke";
}

TEST(HttpServerTest, HandsOverWhatTheRequestSays) {
  HttpServer server(
      any_port(),
      [](const HttpRequest& request) {
        HttpResponse response;
        response.status = 202;
        response.content_type = request.content_type;
        response.body =
            request.method + ' ' + request.path + ' ' + request.address.text() + ' ' + request.body;
        return response;
      },
      must_not_break);
  const AuthClient client(server.port());
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const auto answer = client.send(method, "/a/b?c=d", "body", "text/x");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, std::string(method) + " /a/b 127.0.0.1 body");
    EXPECT_EQ(answer.header("Content-Type"), "text/x");
    EXPECT_EQ(answer.header("Connection"), "close");
  }
}

TEST(HttpServerTest, KnowsTheClientBehindATrustedProxy) {
  auto settings = any_port();
  settings.trusted_proxies = {Network::parse("127.0.0.0/8").value()};
  HttpServer server(
      settings,
      [](const HttpRequest& request) {
        HttpResponse response;
        response.with("Client", request.address.text());
        return response;
      },
      must_not_break);
  AuthClient client(server.port());
  EXPECT_EQ(client.get("/").header("Client"), "127.0.0.1");
  client.with("X-Forwarded-For", "6.6.6.6").with("X-Forwarded-For", "192.0.2.1");
  EXPECT_EQ(client.get("/").header("Client"), "192.0.2.1");
  client.with("X-Forwarded-For", "unknown");
  EXPECT_EQ(client.get("/").header("Client"), "127.0.0.1") << "the proxy, when it names nobody";
}

TEST(HttpServerTest, AnswersWhatTheHandlerThrewWithoutItsWords) {
  HttpServer server(
      any_port(), [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("a secret"); },
      must_not_break);
  const auto answer = AuthClient(server.port()).get("/");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.text("type"), "urn:duet:problem:unavailable");
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  const auto oauth = AuthClient(server.port()).form("/oauth/token", {{"client_id", "app"}});
  EXPECT_EQ(oauth.status, 503);
  EXPECT_EQ(oauth.text("error"), "temporarily_unavailable");
  EXPECT_EQ(oauth.header("Retry-After"), "1");
}

// A cache may keep what is said to be all.
TEST(HttpServerTest, AnswersWholeWhateverRangeIsAskedFor) {
  HttpServer server(
      any_port(), [](const HttpRequest&) { return json_response(200, "the whole of it"); }, must_not_break);
  std::string many = "bytes=0-3";
  while (many.size() < 8000) many += ",0-3";
  for (const auto& ranges :
       {std::string("bytes=0-0"), std::string("bytes=2-"), std::string("bytes=-1"), many}) {
    const auto answer = AuthClient(server.port()).with("Range", ranges).get("/");
    EXPECT_EQ(answer.status, 200) << ranges;
    EXPECT_EQ(answer.body, "\"the whole of it\"") << ranges;
    EXPECT_EQ(answer.count("Content-Range"), 0U) << ranges;
  }
  const auto nonsense = AuthClient(server.port()).with("Range", "bytes=x").get("/");
  EXPECT_TRUE(nonsense.status == 200 || nonsense.status == 416) << nonsense.status;
}

TEST(HttpServerTest, RefusesAPortThatIsTaken) {
  const auto nothing = [](const HttpRequest&) { return HttpResponse(); };
  const HttpServer server(any_port(), nothing, must_not_break);
  auto settings = any_port();
  settings.port = server.port();
  EXPECT_THROW(HttpServer(settings, nothing, must_not_break), std::runtime_error);
}

struct SocketPair {
  SocketPair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0); }
  ~SocketPair() {
    for (const int end : ends) ::close(end);
  }
  std::array<int, 2> ends{};
};

// Each byte is there when it is asked for, as from somebody who sends one every now and then.
TEST(RequestSocketTest, EndsARequestThatTakesTooLong) {
  using std::chrono::milliseconds;
  const SocketPair pair;
  RequestSocket socket(pair.ends[0],
                       {.read = kPatience, .write = kPatience, .whole = milliseconds(50), .bytes = ~0U});
  char byte = 0;
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  do {
    ASSERT_EQ(::send(pair.ends[1], "x", 1, MSG_NOSIGNAL), 1);
  } while (socket.read(&byte, 1) == 1 && std::chrono::steady_clock::now() < give_up_at);
  EXPECT_EQ(socket.read(&byte, 1), -1) << "and it stays so";
}

TEST(RequestSocketTest, EndsARequestThatIsTooLong) {
  const SocketPair pair;
  RequestSocket socket(pair.ends[0],
                       {.read = kPatience, .write = kPatience, .whole = kPatience, .bytes = 10});
  ASSERT_EQ(::send(pair.ends[1], "0123456789ab", 12, MSG_NOSIGNAL), 12);
  std::array<char, 20> bytes{};
  EXPECT_EQ(socket.read(bytes.data(), bytes.size()), 10);
  EXPECT_EQ(socket.read(bytes.data(), bytes.size()), -1);
}

TEST(RequestSocketTest, KnowsTheEndFromAFailure) {
  const SocketPair pair;
  RequestSocket socket(pair.ends[0],
                       {.read = kPatience, .write = kPatience, .whole = kPatience, .bytes = 10});
  ::shutdown(pair.ends[1], SHUT_WR);
  char byte = 0;
  EXPECT_EQ(socket.read(&byte, 1), 0);
}

TEST(HttpServerTest, CutsOffWhoSendsAHeaderWithoutEnd) {
  HttpServer server(
      any_port(1), [](const HttpRequest&) { return HttpResponse(); }, must_not_break);
  std::string endless = "GET / HTTP/1.1\r\n";
  for (int line = 0; line < 64; ++line) endless += "A: " + std::string(1000, 'b') + "\r\n";
  EXPECT_EQ(AuthClient(server.port()).raw(endless + "\r\n").find("200"), std::string::npos);
  EXPECT_EQ(AuthClient(server.port()).get("/").status, 200);
}

// Far more at a time than there are threads and places in the queue.
TEST(HttpServerTest, AnswersEverybodyInTheEnd) {
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  HttpServer server(
      any_port(2),
      [&](const HttpRequest&) {
        const int running = ++at_once;
        for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) continue;
        --at_once;
        return HttpResponse();
      },
      must_not_break);
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> clients;
    clients.reserve(16);
    for (int i = 0; i < 16; ++i) {
      clients.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn) {
          if (AuthClient(server.port()).get("/").status == 200) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(answered, 160);
  EXPECT_LE(most, 2);
}

}  // namespace
}  // namespace duet
