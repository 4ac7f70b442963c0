// push_bridge/token_memory.h: where a sender keeps what must outlive the process.
#pragma once

#include <optional>
#include <string>

namespace duet {

// Provider tokens of Apple's service: each new one counts, so a process that restarts goes on with the old.
// What is saved is a secret. Used by the senders' thread; failures are exceptions, which senders let through.
class TokenMemory {
 public:
  virtual ~TokenMemory() = default;

  virtual std::optional<std::string> load(const std::string& name) = 0;
  // Durable when it returns. At most 2 KiB under each of a few names.
  virtual void save(const std::string& name, const std::string& value) = 0;
};

}  // namespace duet
