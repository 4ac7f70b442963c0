#include "auth_service/revocation_feed.h"

#include <utility>

#include "protocol/topic.h"

namespace duet {

void RevocationFeed::revoked(const Revocation& revocation) {
  publish({.reset = false, .add = {revocation}});
}

void RevocationFeed::tell_all() {
  behind_ = false;  // first: what fails from here on is seen
  try {
    if (corrections_told_ != database_.corrections()) tell_reset();
    tell_pages();
  } catch (...) {
    behind_ = true;
    throw;
  }
}

// A page of its own, before the database is read: what is committed in between is told after it in any case.
void RevocationFeed::tell_reset() {
  publish({.reset = true, .add = {}},
          [this, corrections = database_.corrections()] { corrections_told_ = corrections; });
}

void RevocationFeed::tell_pages() {
  RevocationUpdate page;
  database_.for_each_live_revocation([&](const Revocation& revocation) {
    page.add.push_back(revocation);
    if (page.add.size() == kServicePage) publish(std::exchange(page, {}));
  });
  if (!page.add.empty()) publish(page);
}

void RevocationFeed::publish(const RevocationUpdate& update, std::function<void()> on_told) {
  const auto result = publish_({.topic = format_topic(ServiceTopic{"auth", ServiceKind::revocations}),
                                .payload = format_revocation_update(update)},
                               [this, on_told = std::move(on_told)](bool ok) {
                                 if (!ok) behind_ = true;
                                 if (ok && on_told) on_told();
                               });
  if (result != PublishResult::accepted) behind_ = true;
}

}  // namespace duet
