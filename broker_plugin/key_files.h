// broker_plugin/key_files.h: the files that say whose tokens are good, and whether they have changed.
//
// Whoever rotates a key, or fetches another provider's from the network, replaces a file: the broker never
// waits for anything but a small local one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "acl/issuers.h"
#include "acl/token.h"
#include "broker_plugin/options.h"

namespace duet {

// Used by the broker's thread alone.
class KeyFiles {
 public:
  using Clock = std::chrono::steady_clock;

  explicit KeyFiles(const Options& options);

  // Reads everything anew. Throws std::exception, naming the file, when the platform's own keys cannot be
  // used, or a list of issuers that never could. A list that could be used before stands as it was; another
  // issuer's keys that cannot be used have its tokens refused until its file changes. Both, and single keys
  // of others that are left out, are named in problems().
  TokenVerifier read();
  const std::vector<std::string>& problems() const { return problems_; }

  // Whether a file is another than at the last read(), or has come or gone. Looks once a second.
  bool changed(Clock::time_point now);

 private:
  struct Seen {
    std::filesystem::path path;
    std::uint64_t inode = 0;  // all 0: there is none
    std::int64_t changed_ns = 0;
    std::int64_t bytes = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  static Seen look(const std::filesystem::path& path);
  const std::vector<IssuerEntry>& entries_of(std::size_t list, const std::vector<TakenIssuer>& taken);
  OtherIssuer with_keys(IssuerEntry entry);

  const std::filesystem::path jwks_file_;
  const std::vector<std::filesystem::path> issuers_files_;
  const std::filesystem::path issuer_keys_dir_;
  const TokenRules rules_;
  std::vector<std::optional<std::vector<IssuerEntry>>> lists_;  // as they could be used last
  std::vector<Seen> seen_;
  std::vector<std::string> problems_;
  Clock::time_point look_at_;
};

}  // namespace duet
