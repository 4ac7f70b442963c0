// push_bridge/registration_table.h: which devices can be woken, and how.
//
// As the database that it is a part of: one thread, failures are StoreError.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "protocol/push_payload.h"
#include "push_bridge/notification.h"
#include "sqlite/connection.h"

namespace duet {

class RegistrationTable {
 public:
  explicit RegistrationTable(const sqlite::Connection& connection);

  // One for each device: a new one replaces the old. The generation is given here. Returns the other devices
  // that have no registration any more: they had the same token, or the user has more than
  // kMaxRegistrationsPerUser and they registered longest ago.
  std::vector<Device> put(const Registration& registration);
  // False: there is none.
  bool remove(const Device& device);
  // The same if it is still that one (its generation): a device that has registered anew meanwhile keeps it.
  bool drop(const Registration& read);

  std::optional<Registration> find(const Device& device);
  std::vector<Registration> of_user(const UserId& user);
  bool wants_preview(const Device& device);  // false also of one that is not registered
  std::uint64_t count();
  // Users with a registration whose names come after `name`, ascending, at most `limit`.
  std::vector<UserId> users_after(const std::string& name, std::size_t limit);

  // When the last silent push went to it; the epoch: none did.
  Timestamp badge_at(const Device& device);
  void set_badge_at(const Device& device, Timestamp at);

  // Of a user, as far as the decision needs it.
  struct Place {
    DeviceId device;
    std::string channel;
    std::string endpoint;  // of Web Push
  };
  std::vector<Place> places_of(const UserId& user);

 private:
  sqlite::Statement next_generation_;
  sqlite::Statement same_token_;
  sqlite::Statement put_;
  sqlite::Statement oldest_;
  sqlite::Statement remove_;
  sqlite::Statement drop_;
  sqlite::Statement find_;
  sqlite::Statement of_user_;
  sqlite::Statement preview_;
  sqlite::Statement places_;
  sqlite::Statement count_;
  sqlite::Statement users_after_;
  sqlite::Statement badge_at_;
  sqlite::Statement set_badge_at_;
};

}  // namespace duet
