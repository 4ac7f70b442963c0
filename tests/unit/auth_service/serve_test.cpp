// `duet-auth serve` as it is shipped: a process that is driven over HTTP, killed and started again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>

#include "acl/token.h"
#include "tests/support/auth_client.h"
#include "tests/support/places.h"
#include "tests/unit/temporary_directory.h"

namespace duet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kSecretWord = "correct horse";

// A child whose stdout and stderr are read here. Killed when its owner goes.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program("duet-auth"));
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      ::posix_spawn_file_actions_adddup2(&actions, ends[1], fd);
    }
    const int error = ::posix_spawn(&pid_, argv.front(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
    if (error != 0) throw std::runtime_error("cannot start duet-auth");
  }
  ~Child() {
    if (!ended_) end(SIGKILL);
    std::fclose(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Reads to the end of the output when there is no such line.
  std::optional<std::smatch> find_line(const std::regex& pattern) {
    while (const auto line = read_line()) {
      last_ = *line;
      std::smatch match;
      if (std::regex_search(last_, match, pattern)) return match;
    }
    return std::nullopt;
  }
  // The exit status, or the negated signal.
  int end(int signal) {
    ::kill(pid_, signal);
    return wait();
  }
  int wait() {
    while (read_line()) continue;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  const std::string& output() const { return all_; }

 private:
  std::optional<std::string> read_line() {
    std::string line;
    for (int c = std::fgetc(output_); c != EOF; c = std::fgetc(output_)) {
      all_ += static_cast<char>(c);
      if (c == '\n') return line;
      line += static_cast<char>(c);
    }
    return line.empty() ? std::nullopt : std::optional(line);
  }

  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
  bool ended_ = false;
  std::string last_;
  std::string all_;
};

class Serve : public testing::Test {
 protected:
  void SetUp() override {
    write_config("[passwords]\nmemory_kib = 64\niterations = 1\n[limits]\naccount_burst = 8\n");
    ASSERT_EQ(Child({"rotate", "--keys", directory_.path().string()}).wait(), 0);
  }
  void write_config(const std::string& more, const std::string& http = "") {
    std::ofstream(config()) << "[http]\nport = 0\n"
                            << http << "[database]\npath = \"" << file("auth.db")
                            << "\"\n[keys]\nactivate_after_s = 0\nreload_every_s = 1\ndirectory = \""
                            << directory_.path().string() << "\"\n[[clients]]\nid = \"app\"\n"
                            << more;
  }
  std::string file(const char* name) const { return (directory_.path() / name).string(); }
  std::string config() const { return file("auth.toml"); }

  std::uint16_t start_port() {
    child_ = std::make_unique<Child>(std::vector<std::string>{"serve", "--config", config()});
    const auto line = child_->find_line(std::regex("listening on 127.0.0.1 port ([0-9]+)"));
    if (!line) throw std::runtime_error("it did not start:\n" + child_->output());
    return static_cast<std::uint16_t>(std::stoi((*line)[1]));
  }
  AuthClient start() { return AuthClient(start_port()); }
  Child& child() { return *child_; }

  static std::optional<Claims> verify(const AuthClient& client, const std::string& token) {
    const auto keys = JwkSet::parse(client.get("/.well-known/jwks.json").body);
    if (!keys) return std::nullopt;
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto claims = TokenVerifier(*keys, {"duet", "duet"}).verify(token, now);
    return claims ? std::optional(*claims) : std::nullopt;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Child> child_;
};

TEST_F(Serve, FromSignUpToWrongLogins) {
  const auto client = start();
  EXPECT_EQ(client.get("/healthz").status, 200);
  EXPECT_EQ(client.sign_up("alice", kSecretWord).status, 201);
  const auto login = client.log_in("alice", kSecretWord, "phone");
  ASSERT_EQ(login.status, 200) << login.body;
  const auto claims = verify(client, login.text("access_token"));
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->subject, "alice");
  EXPECT_EQ(claims->device, DeviceId::parse("phone"));

  const auto first = login.text("refresh_token");
  const auto second = client.refresh(first).text("refresh_token");
  const auto third = client.refresh(second).text("refresh_token");
  EXPECT_EQ(client.refresh(first).text("error"), "invalid_grant");  // reused: that ends the family
  EXPECT_EQ(client.refresh(third).text("error"), "invalid_grant");

  const auto again = client.log_in("alice", kSecretWord);
  EXPECT_EQ(
      client.form("/oauth/revoke", {{"client_id", "app"}, {"token", again.text("refresh_token")}}).status,
      200);
  EXPECT_EQ(client.refresh(again.text("refresh_token")).status, 400);

  const auto access = client.log_in("alice", kSecretWord).text("access_token");
  EXPECT_EQ(client
                .json("PUT", "/v1/accounts/me/password",
                      {{"old_password", kSecretWord}, {"new_password", "battery staple"}}, access)
                .status,
            204);
  const auto wrong = client.log_in("alice", kSecretWord);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(client.log_in("nobody", kSecretWord).body, wrong.body);
  EXPECT_EQ(client.log_in("alice", "battery staple").status, 200);

  Answer last;
  for (int i = 0; i < 12; ++i) last = client.log_in("alice", kSecretWord);
  EXPECT_EQ(last.status, 429);
  EXPECT_NE(last.header("Retry-After"), "");
  EXPECT_EQ(client.send("POST", "/oauth/token", "%", "application/x-www-form-urlencoded").text("error"),
            "invalid_request");

  EXPECT_EQ(child().end(SIGTERM), 0);
  const auto& log = child().output();
  for (const char* event : {"account_made", "login_ok", "login_failed", "refresh_reused", "revoked",
                            "password_changed", "throttled"}) {
    EXPECT_THAT(log, HasSubstr(std::string("audit ") + event + " user=alice address=127.0.0.1")) << event;
  }
  for (const auto& secret :
       {std::string(kSecretWord), std::string("battery staple"), first, second, access}) {
    EXPECT_THAT(log, Not(HasSubstr(secret)));
  }
}

TEST_F(Serve, KillLosesNothingThatWasAnswered) {
  std::string token;
  {
    const auto client = start();
    client.sign_up("alice", kSecretWord);
    token = client.log_in("alice", kSecretWord, "phone").text("refresh_token");
    const auto web = client.log_in("alice", kSecretWord, "web").text("access_token");
    EXPECT_EQ(client.json("POST", "/v1/logout", {{"device", "web"}}, web).status, 204);
    EXPECT_EQ(child().end(SIGKILL), -SIGKILL);
  }
  const auto client = start();
  EXPECT_EQ(client.sign_up("alice", kSecretWord).status, 409);
  EXPECT_EQ(client.refresh(token).status, 200);
  EXPECT_EQ(client.log_in("alice", kSecretWord).status, 200);
}

// A client that has sent a part of its request, and that the service is reading from.
class HalfARequest {
 public:
  explicit HalfARequest(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string header =
        "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd_, header.data(), header.size(), MSG_NOSIGNAL), static_cast<ssize_t>(header.size()));
    char first = 0;
    EXPECT_EQ(::recv(fd_, &first, 1, 0), 1);  // of the 100: the body is waited for
  }
  ~HalfARequest() { ::close(fd_); }
  HalfARequest(const HalfARequest&) = delete;
  HalfARequest& operator=(const HalfARequest&) = delete;

 private:
  const int fd_;
};

TEST_F(Serve, EndsWithoutWaitingForWhoSendsSlowly) {
  constexpr std::chrono::seconds kLimit{60};
  write_config("", "read_timeout_s = 60\nrequest_timeout_s = 60\n");
  const HalfARequest slow(start_port());
  const auto asked_at = std::chrono::steady_clock::now();
  EXPECT_EQ(child().end(SIGTERM), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - asked_at, kLimit / 2)
      << "it waited for the client's time to end";
}

TEST_F(Serve, TakesUpANewKeyWhileItRuns) {
  const auto client = start();
  client.sign_up("alice", kSecretWord);
  const auto old = client.log_in("alice", kSecretWord).text("access_token");
  const auto before = client.get("/.well-known/jwks.json").json().at("keys");
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(Child({"rotate", "--keys", directory_.path().string(), "--alg", "EdDSA"}).wait(), 0);
  nlohmann::json keys;
  for (int turn = 0; turn < 100'000 && keys.size() < 2; ++turn) {
    keys = client.get("/.well-known/jwks.json").json().at("keys");
  }
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0], before[0]);
  EXPECT_EQ(keys[1].at("kty"), "OKP");
  EXPECT_TRUE(verify(client, old));
}

TEST_F(Serve, SaysWhyItDoesNotStart) {
  std::vector<std::pair<std::string, std::string>> cases{{file("missing.toml"), "missing.toml"}};
  write_config("nonsense = 1\n");
  cases.emplace_back(config(), "nonsense is not a known key");
  for (const auto& [path, what] : cases) {
    Child refused({"serve", "--config", path});
    EXPECT_EQ(refused.wait(), 1);
    EXPECT_THAT(refused.output(), HasSubstr(what));
  }
  write_config("");
  start();
  Child second({"serve", "--config", config()});
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.output(), HasSubstr("in use by another process"));
}

}  // namespace
}  // namespace duet
