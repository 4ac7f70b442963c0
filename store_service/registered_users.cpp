#include "store_service/registered_users.h"

#include <functional>
#include <string_view>
#include <variant>

namespace duet {
namespace {

std::uint64_t key_of(const UserId& user) {
  return std::hash<std::string_view>()(user.str());
}

// Whose devices the event is for.
const UserId& concerned(const PushEvent& event) {
  const auto* message = std::get_if<PushMessage>(&event);
  return message != nullptr ? message->to : std::get<PushReceipt>(event).by;
}

}  // namespace

void RegisteredUsers::put(const PushUsers& page) {
  const std::lock_guard lock(mutex_);
  if (page.told.pages == 1) {
    users_.clear();
  } else if (page.told.set != told_.set || page.told.pages != told_.pages + 1) {
    return;
  }
  told_ = page.told;
  for (const auto& user : page.users) users_.insert(key_of(user));
  if (users_.size() <= kMaxUsers) return;
  told_ = {};
  users_.clear();
}

std::optional<PushUsersTold> RegisteredUsers::keep_only(const PushUsersTold& asked,
                                                        std::vector<PushEvent>& events) const {
  const std::lock_guard lock(mutex_);
  if (asked.set != told_.set || asked.pages > told_.pages) return std::nullopt;
  std::erase_if(events,
                [this](const PushEvent& event) { return !users_.contains(key_of(concerned(event))); });
  return told_;
}

}  // namespace duet
