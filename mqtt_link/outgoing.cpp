#include "mqtt_link/outgoing.h"

#include <algorithm>
#include <utility>

namespace duet {

void Outgoing::add(Link::Publish message, Done done) {
  const auto number = ++last_number_;
  waiting_.push_back({number, std::move(message)});
  done_.emplace(number, std::move(done));
}

std::optional<Outgoing::Numbered> Outgoing::next() {
  if (!ready()) return std::nullopt;
  auto first = std::move(waiting_.front());
  waiting_.pop_front();
  ++sent_;
  return first;
}

std::optional<Outgoing::Done> Outgoing::finish(std::uint64_t number) {
  const auto found = done_.find(number);
  if (found == done_.end()) return std::nullopt;
  auto done = std::move(found->second);
  done_.erase(found);
  --sent_;
  return done;
}

std::vector<Outgoing::Done> Outgoing::take_all() {
  std::vector<std::pair<std::uint64_t, Done>> all;
  all.reserve(done_.size());
  for (auto& [number, done] : done_) all.emplace_back(number, std::move(done));
  std::ranges::sort(all, {}, [](const auto& entry) { return entry.first; });
  waiting_.clear();
  done_.clear();
  sent_ = 0;

  std::vector<Done> oldest_first;
  oldest_first.reserve(all.size());
  for (auto& entry : all) oldest_first.push_back(std::move(entry.second));
  return oldest_first;
}

}  // namespace duet
