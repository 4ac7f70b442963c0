// acl/issuers.h: the file that names other identity providers whose tokens are good here
// (docs/operations.md).
//
//   {"issuers": [{"issuer": "https://id.example.com/realms/chat", "audience": "duet", "jwks_file": "/etc/…",
//                 "user_claim"?: "sub", "user_prefix"?: "", "device_claim"?: "", "required_scope"?: ""}, …]}
//
// Pure: the caller reads the files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "acl/token.h"
#include "protocol/result.h"

namespace duet {

struct IssuerEntry {
  OtherIssuer issuer;  // without keys
  std::filesystem::path jwks_file;
};

// The error is a sentence that names the entry and what is wrong with it: a member that is missing, ill-typed
// or unknown, a name that cannot begin a user's, an issuer that is one of `taken` or comes twice.
Result<std::vector<IssuerEntry>, std::string> parse_issuers(std::string_view json,
                                                            const std::vector<std::string>& taken);

}  // namespace duet
