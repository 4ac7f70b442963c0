// auth_service/key_file.h: the signing key in its file, a PKCS #8 PEM of mode 0600.
#pragma once

#include <filesystem>

#include "acl/signing_key.h"

namespace duet {

// Throws, naming the file and what is wrong: it is missing, open to other users, or holds no key of ours.
SigningKey load_key_file(const std::filesystem::path& path);

// Makes a key and its file. Throws when there is a file of that name, and leaves it alone.
SigningKey create_key_file(const std::filesystem::path& path, SignatureAlgorithm algorithm);

}  // namespace duet
