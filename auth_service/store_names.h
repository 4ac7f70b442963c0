// auth_service/store_names.h: tells the store which accounts there are, and asks it whether a name is free
// (svc/auth/names and svc/store/names, protocol/service_payload.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth_service/auth_database.h"
#include "auth_service/name_register.h"
#include "mqtt_link/link.h"
#include "protocol/service_payload.h"

namespace duet {

struct StoreNamesTimes {
  std::chrono::milliseconds patience{3000};    // of a claim
  std::chrono::milliseconds repeat{500};       // of a claim without an answer
  std::chrono::milliseconds unanswered{2000};  // after which what was told is told again
  std::chrono::milliseconds interval{10'000};  // between two looks at how far the store is
};

// The store keeps how far it was told, so that a restart tells nothing again and a restored backup tells what
// it lacks. One page is on its way at a time. Thread-safe.
class StoreNames final : public NameRegister {
 public:
  using Clock = std::chrono::steady_clock;
  // As Link::publish.
  using Publish = std::function<PublishResult(Link::Publish)>;

  // The database outlives it. `bots`: users without an account, who are known all the same.
  StoreNames(AuthDatabase& database, std::vector<UserId> bots, Publish publish, StoreNamesTimes times = {});

  // At most kMaxWaiting wait for an answer at a time; one more is unavailable at once.
  Claim claim(const UserId& user) override;
  static constexpr std::size_t kMaxWaiting = 8;

  // A connection has begun: the store may be another one. Throws nothing.
  void connected();
  // The payload of svc/store/names. What is not of its form is logged and has no effect. Throws nothing.
  void answered(std::string_view payload);
  // About once a second.
  void tick(Clock::time_point now);

 private:
  std::string next_request();
  void look(Clock::time_point now);
  void go_on(std::uint64_t through, Clock::time_point now);
  PublishResult publish(const NamesAsk& ask);

  AuthDatabase& database_;
  const std::vector<UserId> bots_;
  const Publish publish_;
  const StoreNamesTimes times_;
  const std::string prefix_;  // of requests: none of an earlier process has it

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::uint64_t requests_ = 0;
  std::map<std::string, std::optional<bool>, std::less<>> claims_;  // those that wait, and their answers
  struct Telling {
    std::string req;
    std::uint64_t through = 0;  // what the answer must have reached
    Clock::time_point since;
  };
  std::optional<Telling> telling_;               // what waits for its answer
  std::optional<Clock::time_point> up_to_date_;  // since when, as far as is known
};

}  // namespace duet
