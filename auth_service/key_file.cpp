#include "auth_service/key_file.h"

#include <stdexcept>

#include "file_io/secret_file.h"

namespace duet {

SigningKey load_key_file(const std::filesystem::path& path) {
  auto key = SigningKey::from_pem(read_secret_file(path));
  if (!key) throw std::runtime_error(path.string() + ": " + key.error());
  return *std::move(key);
}

SigningKey create_key_file(const std::filesystem::path& path, SignatureAlgorithm algorithm) {
  auto key = SigningKey::generate(algorithm);
  create_file_atomically(path, key.to_pem(), kSecretMode);
  return key;
}

}  // namespace duet
