// push_bridge/provider_token.h: the token that shows Apple whose pushes these are.
//
// Apple takes one for an hour and wants no new one sooner than after 20 minutes; too many make it refuse all
// of a connection. So there is one for each team, key and environment, kept in a TokenMemory, whoever asks
// and however often the process restarts. It lives for 45 ± 5 minutes.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "acl/signing_key.h"
#include "protocol/names.h"
#include "push_bridge/retry_schedule.h"
#include "push_bridge/token_memory.h"

namespace duet {

struct ProviderToken {
  std::string text;  // secret
  Timestamp issued_at;
  Timestamp renew_at;
};

// Used by one thread.
class ProviderTokens {
 public:
  // `name` is that of the token in the memory. The key outlives nothing: it is a copy.
  ProviderTokens(std::string name, std::string team_id, std::string key_id, SigningKey key,
                 std::shared_ptr<TokenMemory> memory);

  // The token to use now: the one there is, unless it is time for another.
  const std::string& token(Timestamp now, Jitter& jitter);
  // Of the token that was last returned: another with every other token.
  std::uint64_t generation() const { return generation_; }

  // Apple says that the one of this generation has expired. Whether there is or will be another: not while it
  // is younger than 20 minutes, when it is somebody's clock that is wrong.
  bool expired(std::uint64_t generation, Timestamp now);

  // Apple says that tokens change too often: back to the one before, while that may last.
  void changed_too_often(Timestamp now);

 private:
  ProviderToken mint(Timestamp now, Jitter& jitter) const;
  std::optional<ProviderToken> remembered(Timestamp now) const;
  bool usable(const ProviderToken& token, Timestamp now) const;

  const std::string name_;
  const std::string team_id_;
  const std::string key_id_;
  const SigningKey key_;
  const std::shared_ptr<TokenMemory> memory_;
  std::optional<ProviderToken> current_;
  std::optional<ProviderToken> previous_;
  bool use_previous_ = false;
  std::uint64_t generation_ = 0;
};

}  // namespace duet
