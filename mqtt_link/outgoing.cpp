#include "mqtt_link/outgoing.h"

#include <algorithm>
#include <utility>

namespace duet {

void Outgoing::add(Link::Publish message, Done done) {
  const auto number = ++last_number_;
  const auto lane = message.lane;
  (lane == Link::Lane::bulk ? waiting_bulk_ : waiting_).push_back({number, std::move(message)});
  pending_.emplace(number, Pending{std::move(done), lane});
}

std::optional<Outgoing::Numbered> Outgoing::next() {
  if (!ready()) return std::nullopt;
  const bool bulk = bulk_ready() && (waiting_.empty() || sent_bulk_ == 0);
  auto& from = bulk ? waiting_bulk_ : waiting_;
  auto first = std::move(from.front());
  from.pop_front();
  ++sent_;
  if (bulk) ++sent_bulk_;
  return first;
}

std::optional<Outgoing::Done> Outgoing::finish(std::uint64_t number) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return std::nullopt;
  auto done = std::move(found->second.done);
  --sent_;
  if (found->second.lane == Link::Lane::bulk) --sent_bulk_;
  pending_.erase(found);
  return done;
}

std::vector<Outgoing::Done> Outgoing::take_all() {
  std::vector<std::pair<std::uint64_t, Done>> all;
  all.reserve(pending_.size());
  for (auto& [number, pending] : pending_) all.emplace_back(number, std::move(pending.done));
  std::ranges::sort(all, {}, [](const auto& entry) { return entry.first; });
  waiting_.clear();
  waiting_bulk_.clear();
  pending_.clear();
  sent_ = 0;
  sent_bulk_ = 0;

  std::vector<Done> oldest_first;
  oldest_first.reserve(all.size());
  for (auto& entry : all) oldest_first.push_back(std::move(entry.second));
  return oldest_first;
}

}  // namespace duet
