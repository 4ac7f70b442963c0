// ws_gateway/refusal_lines.h: how many lines of the log refused connections may take.
//
// An address can have itself refused as often as it likes, and must not push everything else out of the log.
// Beyond these rates refusals are counted only (GatewayCounters::refused_by_broker). One thread owns it.
#pragma once

#include "acl/token_bucket.h"
#include "service/address.h"

namespace duet {

class RefusalLines {
 public:
  static constexpr RateLimit kOfOneAddress{1, 30};  // of one IPv4 address or IPv6 /64 network
  static constexpr RateLimit kOfAll{20, 300};

  // Takes one line, if there is one for this address.
  bool take(const IpAddress& address, TokenBuckets::Clock::time_point now) {
    return !of_one_.take(address.owner().text(), now) && !of_all_.take("", now);
  }

 private:
  TokenBuckets of_one_{kOfOneAddress};
  TokenBuckets of_all_{kOfAll};
};

}  // namespace duet
