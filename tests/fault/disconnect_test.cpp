// The broker ends the connections of the platform's services and of our client library, in each way that it
// has: everybody comes back, with nothing lost. docs/reliability.md has the table that this prints.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>

#include "acl/base64url.h"
#include "file_io/secret_file.h"
#include "protocol/service_payload.h"
#include "tests/fault/library_user.h"
#include "tests/fault/recovery_clock.h"
#include "tests/support/auth_client.h"
#include "tests/support/chatter.h"
#include "tests/support/end_record.h"
#include "tests/support/push_platform_test.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using ::testing::IsEmpty;

constexpr auto kSkew = 1s;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// `exp` of an access token, in seconds since 1970.
std::int64_t end_of_token(const std::string& token) {
  const auto first = token.find('.');
  const auto claims = token.substr(first + 1, token.rfind('.') - first - 1);
  return nlohmann::json::parse(decode_base64url(claims).value()).at("exp").get<std::int64_t>();
}

class Disconnects : public PushPlatformTest<Disconnects> {
 public:
  static PlatformSpec spec() {
    return {.config = std::string(kUnlimited) + "[tokens]\nservice_ttl_s = 4\nclock_skew_s = 1\n",
            .environment = {{"DUET_KICK_FILE", "{dir}/kick"}},
            .plugin = build_dir() / "tests" / "duet_kicking_plugin.so"};
  }

 protected:
  static void SetUpTestSuite() {
    PushPlatformTest::SetUpTestSuite();
    if (!bridge_) return;
    ASSERT_EQ(bridge_->stop(), 0);
    bridge_->use_platform_token();
    bridge_->start();
    std::cout << "| fault | store | auth service | push bridge | library, MQTT 5 | library, MQTT 3.1.1 | "
                 "next `sent` "
                 "|\n|---|---:|---:|---:|---:|---:|---:|\n";
  }

  static std::filesystem::path token_file(const std::string& role) {
    return platform().data_dir() / "secrets" / (role + ".token");
  }
  // Every token that a service could log in with has ended, the broker's clock skew included.
  static bool tokens_have_ended() {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto over = [&](const char* role) {
      return now.time_since_epoch().count() >
             end_of_token(read_secret_line(token_file(role))) + kSkew.count();
    };
    return over("store") && over("auth") && over("push");
  }
  static std::size_t connects_of(const std::string& service) {
    return count_of(service == "push" ? bridge_->log() : platform().log_of(service), "broker: connected to");
  }

  // Strikes while people write, and waits until everybody is back. What is measured begins when `blow`
  // returns.
  void strike(const std::string& fault, const std::function<void()>& blow,
              const std::vector<std::string>& services = {"store", "auth", "push"}, bool clients = true) {
    std::map<std::string, std::size_t> before;
    for (const auto& service : services) before[service] = connects_of(service);
    const int lives = modern_.lives();
    const int old_lives = old_.lives();
    blow();
    recovery_.strike();
    const auto start = std::chrono::steady_clock::now();
    std::map<std::string, std::function<bool()>> waited;
    for (const auto& service : services) {
      waited[service] = [&before, service] { return connects_of(service) > before[service]; };
    }
    if (clients) {
      waited["modern"] = [&] { return modern_.lives() > lives; };
      waited["old"] = [&] { return old_.lives() > old_lives; };
    }
    waited["sent"] = [&] { return recovery_.wait(0ms).has_value(); };
    std::map<std::string, milliseconds> took;
    const bool all = eventually([&] {
      for (const auto& [name, back] : waited) {
        if (took.contains(name) || !back()) continue;
        took[name] = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
      }
      return took.size() == waited.size();
    });
    std::string row = "| " + fault;
    for (const auto* name : {"store", "auth", "push", "modern", "old", "sent"}) {
      row += " | ";
      if (took.contains(name)) row += std::to_string(took[name].count()) + " ms";
      EXPECT_TRUE(took.contains(name) || !waited.contains(name)) << fault << ": " << name << " is not back";
    }
    std::cout << row << " |" << std::endl;
    if (all) expect_service(fault);
  }

  // A message to and from the library, a logout, a registration for push.
  void expect_service(const std::string& fault) {
    const auto bob = online(fresh_user("bob"));
    bob->send(modern_user_, fault);
    bob->send(old_user_, fault);
    EXPECT_TRUE(eventually([&] { return modern_.has_received(fault) && old_.has_received(fault); })) << fault;

    const AuthClient auth(platform().http_port(), "duet");
    const std::string user = fresh_user("carol");
    ASSERT_EQ(auth.sign_up(user, "correct horse battery").status, 201);
    const auto access = auth.log_in(user, "correct horse battery", "phone").text("access_token");
    TestDevice phone(platform(), user);
    phone.spec().password = access;
    // The broker looks for the first keys of the auth service once a second.
    EXPECT_TRUE(eventually([&] { return phone.connect() == kSuccess; }));
    phone.go_online();
    EXPECT_EQ(auth.json("POST", "/v1/logout", {{"everything", true}}, access).status, 204);
    EXPECT_TRUE(phone.mqtt().wait_disconnected()) << fault << ": a logout does not reach the broker";

    const std::string name = fresh_user("dora");
    PushPlatformTest::phone(name, "token-" + name);
  }

  void TearDown() override {
    for (Chatter* chatter : {&left_, &right_}) {
      EXPECT_TRUE(chatter->finish()) << chatter->user();
    }
    const Seq last = std::max(left_.highest_seen(), right_.highest_seen());
    for (Chatter* chatter : {&left_, &right_}) {
      EXPECT_TRUE(eventually([&] { return chatter->seen_all(last); })) << chatter->user();
      EXPECT_THAT(chatter->complaints(), IsEmpty());
    }
    EXPECT_THAT(check_conversation(record_of(platform(), left_), record_of(platform(), right_)), IsEmpty());
    PushPlatformTest::TearDown();
  }

  ChatterSpec chatter(const std::string& user, const std::string& peer, MqttVersion version) {
    return {.user = user, .peer = peer, .version = version, .on_confirmed = [this](auto published) {
              recovery_.confirmed(published);
            }};
  }
  static std::function<std::string()> fresh_tokens(const std::string& user) {
    return [user] { return platform().tokens().chat(user); };
  }

  RecoveryClock recovery_;
  const std::string left_user_ = fresh_user("left");
  const std::string right_user_ = fresh_user("right");
  const std::string modern_user_ = fresh_user("modern");
  const std::string old_user_ = fresh_user("old");
  Chatter left_{platform(), chatter(left_user_, right_user_, MqttVersion::v3_1_1)};
  Chatter right_{platform(), chatter(right_user_, left_user_, MqttVersion::v5)};
  LibraryUser modern_{platform(), modern_user_, 5, fresh_tokens(modern_user_)};
  LibraryUser old_{platform(), old_user_, 4, fresh_tokens(old_user_)};
};

TEST_F(Disconnects, EverybodyComesBackWhenTheBrokerDisconnectsAll) {
  ASSERT_TRUE(eventually([&] { return modern_.lives() > 0 && old_.lives() > 0; }));
  strike("DISCONNECT to everybody", [] {
    const auto kick = platform().data_dir().parent_path() / "kick";
    std::ofstream(kick).close();
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(kick); }));
  });
}

// What renews the tokens is away for longer than they live.
TEST_F(Disconnects, ServicesComeBackAfterTheirTokensEnded) {
  const auto kicks = [](const char* role) {
    return count_of(platform().log_of("broker"), std::string("duet-") + role + ": its token has expired");
  };
  const auto before = std::array{kicks("store"), kicks("auth"), kicks("push")};
  strike(
      "the services' tokens end",
      [&] {
        ::kill(platform().supervisor_pid(), SIGSTOP);
        EXPECT_TRUE(eventually([&] {
          return tokens_have_ended() && kicks("store") > before[0] && kicks("auth") > before[1] &&
                 kicks("push") > before[2];
        }));
        ::kill(platform().supervisor_pid(), SIGCONT);
      },
      {"store", "auth", "push"}, false);
}

// As a machine that sleeps: the broker's connections look well when it wakes up, and every token is over.
TEST_F(Disconnects, EverybodyComesBackAfterAFreezeBeyondTheTokensLife) {
  std::vector<pid_t> all{platform().supervisor_pid(), bridge_->pid()};
  for (const auto service : {Service::broker, Service::store, Service::gateway, Service::auth}) {
    all.push_back(platform().pid(service));
  }
  strike(
      "everything frozen beyond the tokens' life",
      [&] {
        for (const pid_t pid : all) ::kill(pid, SIGSTOP);
        EXPECT_TRUE(eventually(tokens_have_ended));
        for (const pid_t pid : all) ::kill(pid, SIGCONT);
      },
      {"store", "auth", "push"}, false);
}

TEST_F(Disconnects, AServiceTakesItsClientIdBack) {
  for (const auto role : {Role::store, Role::auth, Role::push}) {
    const std::string name(to_string(role));
    strike(
        "the client id of " + name + " is taken over",
        [&] {
          TestClient other(ConnectSpec{.port = platform().mqtt_port(),
                                       .client_id = "duet-" + name,
                                       .username = std::nullopt,
                                       .password = platform().tokens().service(role),
                                       .will = std::nullopt});
          EXPECT_EQ(other.connect(), kSuccess);
          EXPECT_TRUE(other.wait_disconnected());
        },
        {name}, false);
  }
}

}  // namespace
}  // namespace duet
