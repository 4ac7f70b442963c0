#include "acl/revocation_list.h"

#include <algorithm>
#include <iterator>

namespace duet {

bool RevocationList::apply(const RevocationUpdate& update, Timestamp now) {
  bool news = update.reset;
  if (update.reset) {
    by_user_.clear();
    size_ = 0;
  }
  for (const Revocation& revocation : update.add) {
    if (revocation.until > now && add(revocation)) news = true;
  }
  if (size_ >= look_at_) forget_over(now);
  return news;
}

bool RevocationList::add(const Revocation& revocation) {
  auto& entries = by_user_[revocation.user];
  const auto same = std::ranges::find(entries, revocation.device, &Entry::device);
  if (same == entries.end()) {
    entries.push_back({revocation.device, revocation.before, revocation.until});
    ++size_;
    return true;
  }
  const bool news = same->before < revocation.before || same->until < revocation.until;
  same->before = std::max(same->before, revocation.before);
  same->until = std::max(same->until, revocation.until);
  return news;
}

bool RevocationList::revokes(const Device& device, Timestamp issued_at) const {
  const auto entries = by_user_.find(device.user);
  if (entries == by_user_.end()) return false;
  return std::ranges::any_of(entries->second, [&](const Entry& entry) {
    return issued_at < entry.before && (!entry.device || *entry.device == device.device);
  });
}

void RevocationList::for_each(const std::function<void(const Revocation&)>& visit) const {
  for (const auto& [user, entries] : by_user_) {
    for (const Entry& entry : entries) visit({user, entry.device, entry.before, entry.until});
  }
}

void RevocationList::forget_over(Timestamp now) {
  constexpr std::size_t kLeast = 1024;
  for (auto user = by_user_.begin(); user != by_user_.end();) {
    size_ -= std::erase_if(user->second, [now](const Entry& entry) { return entry.until <= now; });
    user = user->second.empty() ? by_user_.erase(user) : std::next(user);
  }
  look_at_ = std::max(kLeast, 2 * size_);
}

}  // namespace duet
