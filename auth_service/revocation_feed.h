// auth_service/revocation_feed.h: tells the brokers which logins have ended (svc/auth/revocations,
// protocol/service_payload.h).
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "auth_service/auth_database.h"
#include "auth_service/revocation.h"
#include "mqtt_link/link.h"
#include "protocol/service_payload.h"

namespace duet {

// Thread-safe. What does not get through is not kept here: tell_all() reads it from the database again.
class RevocationFeed final : public RevocationSink {
 public:
  // As Link::publish.
  using Publish = std::function<PublishResult(Link::Publish, std::function<void(bool)>)>;

  // The database outlives it. Every `on_done` must have been called before it goes.
  RevocationFeed(AuthDatabase& database, std::function<Timestamp()> now, Publish publish)
      : database_(database), now_(std::move(now)), publish_(std::move(publish)) {}

  void revoked(const Revocation& revocation) override;

  // Everything that a token may still be subject to, in pages, without `reset`: revocations are never taken
  // back, and a broker that forgot them first would let in whom it should not until the next page. For every
  // connect, and while behind(). Throws StoreError.
  void tell_all();

  // Whether something since the last tell_all() did not get through.
  bool behind() const { return behind_; }

 private:
  void tell_pages();
  void publish(const RevocationUpdate& update);

  AuthDatabase& database_;
  const std::function<Timestamp()> now_;
  const Publish publish_;
  std::atomic<bool> behind_ = false;
};

}  // namespace duet
