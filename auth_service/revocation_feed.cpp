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
    tell_pages();
  } catch (...) {
    behind_ = true;
    throw;
  }
}

void RevocationFeed::tell_pages() {
  RevocationUpdate page;
  database_.for_each_live_revocation(now_(), [&](const Revocation& revocation) {
    page.add.push_back(revocation);
    if (page.add.size() == kServicePage) publish(std::exchange(page, {}));
  });
  if (!page.add.empty()) publish(page);
}

void RevocationFeed::publish(const RevocationUpdate& update) {
  const auto result = publish_({.topic = format_topic(ServiceTopic{"auth", ServiceKind::revocations}),
                                .payload = format_revocation_update(update)},
                               [this](bool ok) {
                                 if (!ok) behind_ = true;
                               });
  if (result != PublishResult::accepted) behind_ = true;
}

}  // namespace duet
