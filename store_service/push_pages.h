// store_service/push_pages.h: what an ask of the push bridge is answered with (docs/adr/0019-push-feed.md).
//
// Used by one thread. Throws StoreError.
#pragma once

#include <optional>
#include <string>

#include "protocol/push_payload.h"
#include "store_service/registered_users.h"
#include "store_service/store.h"

namespace duet {

class PushPages {
 public:
  // Once so much of the log was left out, an empty page says so: the bridge's place moves on.
  static constexpr LogNumber kSparedAtMost = 500;

  // Both references outlive it.
  PushPages(std::string epoch, StoreReader& reader, const RegisteredUsers& users);

  // The page that answers, or nullopt: there is nothing yet that the bridge has to be told. Asked again with
  // the same ask, it goes on where it has looked.
  std::optional<PushFeedPage> answer(const PushFeedAsk& ask);

 private:
  std::optional<PushFeedPage> look(const PushFeedAsk& ask, LogNumber last);

  const std::string epoch_;
  StoreReader& reader_;
  const RegisteredUsers& users_;
  // Up to `through` there is nothing for this ask but what `only` leaves out.
  struct Spared {
    PushFeedAsk ask;
    LogNumber through;
    PushUsersTold only;
  };
  std::optional<Spared> spared_;
};

}  // namespace duet
