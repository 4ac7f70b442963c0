#include "ws_gateway/admission.h"

namespace duet {

std::optional<Admission::Ticket> Admission::enter(const IpAddress& address) {
  const IpAddress owner = address.owner();
  const auto at = present_.try_emplace(owner, 0).first;
  if (per_address_ != 0 && at->second >= per_address_) return std::nullopt;
  ++at->second;
  return Ticket(*this, owner);
}

void Admission::leave(const IpAddress& owner) {
  const auto at = present_.find(owner);
  if (--at->second == 0) present_.erase(at);
}

}  // namespace duet
