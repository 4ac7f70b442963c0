// push_bridge/push_memory.h: what a sender remembers of the pushes that are on their way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace duet {

// A value for each push, by its id. Bounded: of 10,000 pushes, beyond which the oldest are forgotten. One
// thread.
template <typename Value>
class PushMemory {
 public:
  static constexpr std::size_t kMostPushes = 10'000;

  // The push's value, made if there is none. Valid until the next call.
  Value& of(const std::string& id) {
    if (const auto found = values_.find(id); found != values_.end()) return found->second.value;
    while (order_.size() >= kMostPushes) forget_oldest();
    order_.push_back({id, ++last_number_});
    return values_.emplace(id, Numbered{last_number_, Value{}}).first->second.value;
  }

  // The push's value, which is forgotten; nullopt if there is none.
  std::optional<Value> take(const std::string& id) {
    auto node = values_.extract(id);
    if (!node) return std::nullopt;
    return std::move(node.mapped().value);
  }

  std::size_t size() const { return values_.size(); }

 private:
  struct Numbered {
    std::uint64_t number;
    Value value;
  };
  struct Place {
    std::string id;
    std::uint64_t number;
  };

  void forget_oldest() {
    const auto found = values_.find(order_.front().id);
    // Otherwise it was taken; one of that id may have come again since.
    if (found != values_.end() && found->second.number == order_.front().number) values_.erase(found);
    order_.pop_front();
  }

  std::unordered_map<std::string, Numbered> values_;
  std::deque<Place> order_;  // in which they came; what was taken is still in it
  std::uint64_t last_number_ = 0;
};

enum class Cause : std::uint8_t { not_sent, unknown, server_error, too_many, not_understood, other };

// Tells apart what the attempts of a push failed of: a service that cannot be reached for a while uses up
// none of the attempts that are for its errors. Of a push that was forgotten, or after a restart, every
// attempt counts for whatever comes next.
class Failures {
 public:
  // `attempt` of the push has failed of `cause`: for the how manieth time, from 1.
  int note(const std::string& id, Cause cause, int attempt);
  void forget(const std::string& id) { failed_.take(id); }

 private:
  PushMemory<std::array<int, 6>> failed_;  // times, of each cause
};

}  // namespace duet
