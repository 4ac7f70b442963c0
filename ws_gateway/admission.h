// ws_gateway/admission.h: how many connections there may be, together and of one address.
//
// One thread owns it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "service/address.h"

namespace duet {

class Admission {
 public:
  // A place that is given back when it goes. Must not outlive its Admission.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), owner_(other.owner_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(owner_, other.owner_);
      return *this;
    }
    ~Ticket() {
      if (admission_ != nullptr) admission_->leave(owner_);
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    bool is_of(const IpAddress& address) const { return admission_ != nullptr && owner_ == address.owner(); }

   private:
    friend class Admission;
    Ticket(Admission& admission, const IpAddress& owner) : admission_(&admission), owner_(owner) {}
    Admission* admission_ = nullptr;
    IpAddress owner_;
  };

  // 0: no limit.
  explicit Admission(std::size_t per_address) : per_address_(per_address) {}

  // Nullopt: the address (of IPv6 its /64 network) has as many as it may have.
  std::optional<Ticket> enter(const IpAddress& address);

 private:
  void leave(const IpAddress& owner);

  const std::size_t per_address_;
  std::map<IpAddress, std::size_t> present_;  // who has none is not there
};

}  // namespace duet
