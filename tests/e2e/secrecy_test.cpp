// What must not be seen outside: secrets and what people write to one another, in logs, command lines, files
// and core dumps.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <sstream>
#include <utility>

#include "acl/signing_key.h"
#include "tests/support/auth_client.h"
#include "tests/support/platform_test.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

// Everything is logged that can be.
std::string talkative() {
  return std::string(kUnlimited) + "[log]\nlevel = \"debug\"\n";
}

class Secrecy : public OwnPlatformTest {
 protected:
  Secrecy() : OwnPlatformTest(talkative()) {}

  // To be found nowhere from now on. The name is for a failure's message.
  const std::string& secret(const std::string& name, std::string text) {
    EXPECT_GE(text.size(), 8U) << name;
    return secrets_.emplace_back(name, std::move(text)).second;
  }
  std::string secret_file(const std::string& name) {
    std::string text = text_of(platform().data_dir() / "secrets" / name);
    text.resize(text.find_last_not_of('\n') + 1);
    return secret(name, text);
  }
  void expect_no_secret_in(const std::string& text, const std::string& where) const {
    for (const auto& [name, value] : secrets_) {
      EXPECT_EQ(text.find(value), std::string::npos) << "the " << name << " is in " << where;
    }
  }
  std::vector<pid_t> processes() {
    std::vector<pid_t> found{platform().supervisor_pid()};
    for (const auto service : {Service::broker, Service::store, Service::gateway, Service::auth}) {
      found.push_back(platform().pid(service));
    }
    return found;
  }

  // People sign up, log in, fail to, and chat; strangers try forged tokens and nonsense.
  void live_a_day() {
    accounts();
    const std::string token = secret("minted token", platform().tokens().chat("bob"));
    TestDevice bob(platform(), "bob");
    bob.spec().password = token;
    bob.go_online();
    const auto alice = online("alice.7");
    const Envelope sent = alice->send("bob", secret("message", "Meet me at the old bridge at nine"));
    EXPECT_EQ(bob.wait_message("alice.7", sent.id.str()).id, sent.id);
    const std::string malformed = secret("malformed message", "never say this aloud");
    alice->mqtt().publish(
        {.topic = "u/alice.7/out/bob/msg", .payload = R"({"body": ")" + malformed, .correlation = {}});
    const std::string misdirected = secret("misdirected message", "nor that one, ever");
    alice->mqtt().publish({.topic = "u/alice.7/out/bob/nonsense", .payload = misdirected, .correlation = {}});
    for (const auto& forged : forged_tokens(platform().tokens(), "mallory")) {
      TestDevice mallory(platform(), "mallory");
      mallory.spec().password = forged.token;
      if (forged.token.size() > 32) secret("forged token", forged.token);
      EXPECT_NE(mallory.connect(), kSuccess);
    }
    EXPECT_EQ(bob.history("alice.7").size(), 1U);
  }
  void accounts() {
    const AuthClient client(platform().http_port(), "duet");
    ASSERT_TRUE(eventually(
        [&] { return client.raw("GET /healthz HTTP/1.0\r\n\r\n").find("200") != std::string::npos; }));
    const std::string password = secret("password", "correct horse battery");
    EXPECT_EQ(client.sign_up("carol", password).status, 201);
    EXPECT_EQ(client.log_in("carol", secret("wrong password", "wrong donkey charger")).status, 400);
    EXPECT_EQ(client.log_in(secret("password typed as a name", "hunter22 hunter22"), password).status, 400);
    const auto login = client.log_in("carol", password);
    const std::string access = secret("access token", login.text("access_token"));
    const std::string refresh = secret("refresh token", login.text("refresh_token"));
    TestDevice carol(platform(), "carol");
    carol.spec().password = access;
    // The broker looks for the first keys of the auth service once a second.
    EXPECT_TRUE(eventually([&] { return carol.connect() == kSuccess; }));
    secret("next refresh token", client.refresh(refresh).text("refresh_token"));
    EXPECT_EQ(client.json("POST", "/v1/logout", {{"everything", true}}, access).status, 204);
  }

 private:
  std::vector<std::pair<std::string, std::string>> secrets_;
};

TEST_F(Secrecy, LogsAndCommandLinesHoldNeitherSecretsNorMessages) {
  secret_file("store.token");
  secret_file("auth.token");
  std::istringstream key(text_of(platform().data_dir() / "secrets" / "signing.pem"));
  for (std::string line; std::getline(key, line);) {
    if (line.find("---") == std::string::npos && line.size() > 32) secret("signing key", line);
  }
  live_a_day();

  for (const pid_t process : processes_naming(platform().data_dir())) {
    expect_no_secret_in(text_of("/proc/" + std::to_string(process) + "/cmdline"), "a command line");
  }
  EXPECT_GE(processes_naming(platform().data_dir()).size(), 5U);
  EXPECT_EQ(platform().stop(), 0);  // and what is logged at the end
  std::size_t logs = 0;
  for (const auto& entry : fs::directory_iterator(platform().data_dir() / "log")) {
    const std::string text = text_of(entry.path());
    EXPECT_FALSE(text.empty() && entry.path().stem() != "gateway") << entry.path();
    expect_no_secret_in(text, entry.path().filename().string());
    ++logs;
  }
  EXPECT_GE(logs, 5U);
  expect_no_secret_in(platform().log_of("run"), "what duet-run said");
  platform().start();
}

TEST_F(Secrecy, TheAuditLogTellsWhoTriedWhat) {
  accounts();
  platform().stop();
  const std::string log = platform().log_of("auth");
  for (const char* line :
       {"account_made user=carol address=127.0.0.1", "login_failed user=carol address=127.0.0.1 client=duet",
        "login_failed user=? address=127.0.0.1 client=duet",
        "login_ok user=carol address=127.0.0.1 client=duet", "logout user=carol address=127.0.0.1"}) {
    EXPECT_NE(log.find(std::string("audit ") + line), std::string::npos) << line;
  }
  platform().start();
}

// Passwords and refresh tokens are not even in the database: only what they hash to.
TEST_F(Secrecy, TheDatabaseOfAccountsIsNoUseToAThief) {
  accounts();
  platform().stop();
  for (const auto& entry : fs::directory_iterator(platform().data_dir() / "auth")) {
    expect_no_secret_in(text_of(entry.path()), entry.path().filename().string());
  }
  EXPECT_NE(text_of(platform().data_dir() / "auth" / "auth.db").find("$argon2id$"), std::string::npos);
  platform().start();
}

TEST_F(Secrecy, ACrashLeavesNoCoreDump) {
  for (const pid_t process : processes()) {
    std::istringstream limits(text_of("/proc/" + std::to_string(process) + "/limits"));
    std::string core;
    for (std::string line; std::getline(limits, line);) {
      if (line.starts_with("Max core file size")) core = line.substr(18);
    }
    std::istringstream words(core);
    std::string soft;
    std::string hard;
    words >> soft >> hard;
    EXPECT_EQ(soft + "/" + hard, "0/0") << text_of("/proc/" + std::to_string(process) + "/cmdline");
  }
}

TEST_F(Secrecy, FilesAreTheirOwnersAlone) {
  accounts();
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(platform().data_dir())) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;  // gone meanwhile
    if (!S_ISREG(status.st_mode)) continue;
    const bool no_secret =
        entry.path().extension() == ".ready" || entry.path().filename() == "auth.jwks.json";
    EXPECT_TRUE(no_secret || (status.st_mode & 0077U) == 0) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 15U);
}

}  // namespace
}  // namespace duet
