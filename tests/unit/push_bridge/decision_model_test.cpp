// Random histories against what the rules come to: a push is wanted exactly while there is a message that the
// device has not confirmed, the user has not read and no push has spoken of; and pushes keep their pauses.

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "sqlite/transaction.h"
#include "tests/unit/push_bridge/push_fixtures.h"

namespace duet {
namespace {

using namespace std::chrono_literals;
using push_test::device;
using push_test::user;

constexpr std::size_t kDevices = 2;
constexpr std::size_t kPeers = 2;

class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {
    for (const auto& one : devices_) world_.register_phone(one);
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      act();
      world_.pass(std::chrono::milliseconds(below(4000)));
      check(step);
    }
  }

 private:
  struct Place {
    Seq delivered = 0;
    Seq pushed = 0;
    std::size_t unconfirmed = 0;  // pushes
    Timestamp pushed_at{};
  };

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  void act() {
    const auto d = below(kDevices);
    const auto p = below(kPeers);
    switch (below(8)) {
      case 0:
      case 1:
        return world_.message(peers_.at(p), bob_, ++last_.at(p));
      case 2:
        return world_.online(devices_.at(d), true);
      case 3:
        return world_.online(devices_.at(d), false);
      case 4:
        return confirm(d, p, below(last_.at(p) + 1));
      case 5:
        return read(p, below(last_.at(p) + 1));
      default:
        return send_due();
    }
  }

  void confirm(std::size_t d, std::size_t p, Seq seq) {
    auto& place = places_.at(d).at(p);
    place.delivered = std::max(place.delivered, seq);
    if (place.delivered >= place.pushed) place.unconfirmed = 0;
    world_.receipt(bob_, peers_.at(p), place.delivered, read_.at(p), devices_.at(d).device);
    settle_read(p);
  }

  void read(std::size_t p, Seq seq) {
    read_.at(p) = std::max(read_.at(p), seq);
    world_.receipt(bob_, peers_.at(p), read_.at(p), read_.at(p));
    settle_read(p);
  }

  void settle_read(std::size_t p) {
    for (auto& places : places_) {
      if (read_.at(p) > 0 && read_.at(p) >= places.at(p).pushed) places.at(p).unconfirmed = 0;
    }
  }

  void send_due() {
    for (std::size_t d = 0; d < kDevices; ++d) {
      for (std::size_t p = 0; p < kPeers; ++p) {
        const auto job = world_.job(devices_.at(d), peers_.at(p));
        if (!job || job->due > world_.now()) continue;
        auto& place = places_.at(d).at(p);
        if (place.unconfirmed > 0) {
          const auto pause = kPauses.at(std::min(place.unconfirmed, kPauses.size()) - 1);
          EXPECT_GE(world_.now() - place.pushed_at, pause);
        }
        world_.send(*job);
        place.pushed = job->last_seq;
        place.pushed_at = world_.now();
        ++place.unconfirmed;
      }
    }
  }

  void check(int step) {
    for (std::size_t d = 0; d < kDevices; ++d) {
      for (std::size_t p = 0; p < kPeers; ++p) {
        const auto& place = places_.at(d).at(p);
        const auto job = world_.job(devices_.at(d), peers_.at(p));
        const Seq known = std::max({place.delivered, place.pushed, read_.at(p)});
        ASSERT_EQ(job.has_value(), last_.at(p) > known)
            << "step " << step << ", device " << d << ", peer " << p;
        if (!job) continue;
        ASSERT_EQ(job->last_seq, last_.at(p));
        ASSERT_LE(job->due, world_.now() + 5min);
      }
    }
  }

  static constexpr std::array<std::chrono::seconds, 3> kPauses{3s, 30s, 300s};

  push_test::World world_;
  sqlite::Transaction transaction_{world_.database.connection()};  // never committed: no flushes
  std::mt19937 random_;
  const UserId bob_ = user("bob");
  const std::array<Device, kDevices> devices_{device("bob", "phone"), device("bob", "tablet")};
  const std::array<UserId, kPeers> peers_{user("alice"), user("carol")};
  std::array<Seq, kPeers> last_{};
  std::array<Seq, kPeers> read_{};
  std::array<std::array<Place, kPeers>, kDevices> places_{};
};

TEST(DecisionModel, RandomHistoriesKeepTheRules) {
  for (unsigned seed = 1; seed <= 10 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomHistory(seed).run(300);
  }
}

}  // namespace
}  // namespace duet
