// auth_service/key_ring.h: the signing keys, a directory of files that is looked at now and then.
//
// A key file is named `<seconds since 1970>.pem` after the time it was made, and is a secret file
// (key_file.h). A new key is in the key set at once but signs only when it is `activate_after` old, so that
// every verifier has fetched it by then; the only key there is signs at once. A key that signs no more stays
// in the set until the longest token signed with it has expired.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "acl/signing_key.h"
#include "acl/token.h"

namespace duet {

struct DatedKeyFile {
  std::filesystem::path path;
  Timestamp made;
};

// In the order in which they were made. Other files of the directory are passed over. Throws when the
// directory cannot be read.
std::vector<DatedKeyFile> list_key_files(const std::filesystem::path& directory);
// Makes a key there, later than every other. Throws.
SigningKey rotate_key(const std::filesystem::path& directory, SignatureAlgorithm algorithm, Timestamp now);

struct KeyRules {
  std::filesystem::path directory;
  std::chrono::seconds activate_after{300};
  std::chrono::seconds longest_token_life{};
  bool make_first = false;  // when there is no key
  std::filesystem::path
      jwks_file;  // gets the set, for those who do not ask over HTTP; empty: none is written
};

// Which of the keys signs, and from which on they are in the set, at `now`. `files` is not empty.
struct KeyChoice {
  std::size_t signer;
  std::size_t first_in_set;
};
KeyChoice choose_keys(const std::vector<DatedKeyFile>& files, const KeyRules& rules, Timestamp now);

// Immutable.
struct Keys {
  SigningKey signer;
  std::string jwk_set;     // RFC 7517 5
  TokenVerifier verifier;  // of that set
};

// Thread-safe.
class KeyRing {
 public:
  // Throws when there is no key, a file of the set is none, or the set cannot be written.
  KeyRing(KeyRules rules, TokenRules token_rules, Timestamp now);

  std::shared_ptr<const Keys> keys() const;
  // Reads the directory again. Throws as the constructor does; then the keys stay.
  void reload(Timestamp now);

 private:
  std::shared_ptr<const Keys> load(Timestamp now) const;

  // Constant after construction.
  const KeyRules rules_;
  const TokenRules token_rules_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;  // guarded by mutex_
};

}  // namespace duet
