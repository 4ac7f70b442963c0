// The front door under a flood of bad logins from one address: two users who came in by the same door talk
// meanwhile and must not notice (tests/support/siege.h).

#include <gmock/gmock.h>

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/platform_test.h"
#include "tests/support/raw_mqtt.h"
#include "tests/support/siege.h"
#include "tests/support/tls_connection.h"

namespace duet {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;

class DoorSiege : public SharedPlatformTest<DoorSiege> {
 public:
  // The long form has the limits that operators have; in the short one they are soon reached.
  static PlatformSpec spec() {
    const std::string limits = siege_messages() == 0 ? "[tls]\nconnects_per_address = 50\n" : "";
    return {.config = std::string(kUnlimited) + limits, .tls = true};
  }

 protected:
  struct Attempts {
    std::uint64_t refused_at_once = 0;  // closed before TLS began
    std::uint64_t made = 0;             // by TLS, to the end
    std::chrono::steady_clock::time_point since = {};
  };

  // Attempts as fast as they go. `attempt` makes one whole one; most do not get so far.
  Attempts flood(std::uint16_t port, const std::function<void()>& attempt) {
    Attempts attempts;
    const auto many = [&] { attack(port, attempt, attempts); };
    besiege(platform(), {.bystanders = fresh_user("d"), .entrance = Entrance::door}, many);
    std::cout << attempts.made << " made, " << attempts.refused_at_once << " refused before TLS; ";
    say_rate(attempts.refused_at_once + attempts.made, attempts.since);
    // The short form can be over before the address is limited.
    constexpr int kUntilThen = 20;
    for (int i = 0; i < kUntilThen && attempts.refused_at_once <= attempts.made; ++i) many();
    return attempts;
  }

  static void say_rate(std::uint64_t count, std::chrono::steady_clock::time_point since) {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - since;
    std::cout << "bad logins: " << static_cast<double>(count) / time.count() << " a second\n";
  }

  TlsConnection from_attacker(std::uint16_t port) const {
    return TlsConnection(port, platform().ca_file(), attacker_);
  }

 private:
  void attack(std::uint16_t port, const std::function<void()>& attempt, Attempts& attempts) const {
    constexpr int kBatch = 32;
    if (attempts.since == std::chrono::steady_clock::time_point{}) {
      attempts.since = std::chrono::steady_clock::now();
    }
    std::vector<std::unique_ptr<RawMqtt>> batch;
    for (int i = 0; i < kBatch; ++i) {
      try {
        batch.push_back(std::make_unique<RawMqtt>(port, attacker_));
      } catch (const std::system_error&) {  // reset while we connect
        ++attempts.refused_at_once;
      }
    }
    for (const auto& one : batch) {
      if (one->closed(std::chrono::milliseconds(5))) {
        ++attempts.refused_at_once;
        continue;
      }
      attempt();
      ++attempts.made;
    }
  }

  static inline int attackers_ = 0;
  // Of each test another, as an address is remembered.
  const std::string attacker_ = "127.0.0." + std::to_string(9 + attackers_++);
};

TEST_F(DoorSiege, BadTokens) {
  const std::string eve = fresh_user("eve");
  const std::string good = platform().tokens().chat(eve);
  const std::string forged = good.substr(0, good.size() - 8) + "AAAAAAAA";
  const auto attempts = flood(platform().mqtts_port(), [&] {
    const auto one = from_attacker(platform().mqtts_port());
    one.send(connect_packet(eve + ":raw", eve, forged));
    const std::string answer = one.receive(4);
    EXPECT_THAT(answer, AnyOf("", std::string("\x20\x02\x00\x05", 4)));
  });
  EXPECT_GT(attempts.made, 0U);
  EXPECT_GT(attempts.refused_at_once, attempts.made) << "the address is limited";
  EXPECT_TRUE(online(eve, "raw")->mqtt().connected()) << "nobody is locked out by others' attempts";
}

TEST_F(DoorSiege, BadPasswords) {
  const std::string form = "grant_type=password&client_id=duet&username=alice&password=wrong";
  const std::string request =
      "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: " +
      std::to_string(form.size()) + "\r\n\r\n" + form;
  const auto attempts = flood(platform().https_port(), [&] {
    const auto one = from_attacker(platform().https_port());
    one.send(request);
    const std::string status = one.receive(12);
    EXPECT_THAT(status, AnyOf("", EndsWith(" 400"), EndsWith(" 429"), EndsWith(" 503")));
  });
  EXPECT_GT(attempts.made, 0U);
  EXPECT_GT(attempts.refused_at_once, attempts.made) << "the address is limited";
}

// Many requests at once on a connection that was let in: whoever is over the limit loses it.
TEST_F(DoorSiege, BadPasswordsManyOnAConnection) {
  const auto request = [](const std::string& more) {
    return "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + more + "\r\n";
  };
  constexpr int kAtOnce = 1000;
  std::string many;
  for (int i = 1; i < kAtOnce; ++i) many += request("");
  many += request("Connection: close\r\n");
  std::uint64_t answers = 0;
  std::uint64_t connections = 0;
  besiege(platform(), {.bystanders = fresh_user("d"), .entrance = Entrance::door}, [&] {
    const auto one = from_attacker(platform().https_port());
    if (one.open()) ++connections;
    one.send(many);
    constexpr std::size_t kAll = std::size_t{1} << 20;
    const std::string all = one.receive(kAll);
    for (std::size_t at = all.find("HTTP/1.1 "); at != std::string::npos;
         at = all.find("HTTP/1.1 ", at + 1)) {
      ++answers;
    }
  });
  constexpr std::uint64_t kLoginsPerAddress = 60;  // in a minute
  EXPECT_GT(answers, 0U);
  EXPECT_LE(answers, kLoginsPerAddress + connections);
}

}  // namespace
}  // namespace duet
