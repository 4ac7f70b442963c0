// auth_service/revocation_feed.h: tells the brokers which logins have ended (svc/auth/revocations,
// protocol/service_payload.h).
#pragma once

#include <atomic>
#include <cstdint>
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
  RevocationFeed(AuthDatabase& database, Publish publish)
      : database_(database), publish_(std::move(publish)) {}

  void revoked(const Revocation& revocation) override;

  // Everything that a token may still be subject to, in pages, without `reset`: a broker that forgot first
  // would let in whom it should not until the next page. Only when the database corrected revocations, which
  // a broker would not take back, all are told after a `reset`. For every connect, and while behind(). Throws
  // StoreError.
  void tell_all();

  // Whether something since the last tell_all() did not get through, or was corrected.
  bool behind() const { return behind_ || corrections_told_ != database_.corrections(); }

 private:
  void tell_pages();
  void tell_reset();
  void publish(const RevocationUpdate& update, std::function<void()> on_told = {});

  AuthDatabase& database_;
  const Publish publish_;
  std::atomic<bool> behind_ = false;
  std::atomic<std::uint64_t> corrections_told_ = 0;
};

}  // namespace duet
