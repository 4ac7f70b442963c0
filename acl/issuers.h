// acl/issuers.h: the file that names other identity providers whose tokens are good here
// (docs/operations.md).
//
//   {"issuers": [{"issuer": "https://id.example.com/realms/chat", "audience": "duet",
//                 "jwks_file": "/etc/…" | "jwks_url": "https://…" | "discovery": true,
//                 "user_claim"?: "sub", "user_prefix"?: "", "device_claim"?: "", "required_scope"?: "",
//                 "ca_file"?: "/etc/…", "refresh_s"?: 300, "keep_s"?: 604800}, …]}
//
// Keys that are to be fetched (jwks_url, discovery) come from duet-keys, which writes a file for each issuer
// into a directory that the broker's plugin watches. The last line of members is for those alone.
//
// Pure: the caller reads the files.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/token.h"
#include "protocol/result.h"

namespace duet {

// Where an issuer's keys are fetched from.
struct RemoteKeys {
  std::string url;  // of the key set or, with `discovery`, of what names it (OpenID Connect Discovery 4)
  bool discovery = false;                            // what is found there must be the issuer's own
  std::filesystem::path ca_file = {};                // whom to believe; empty: whom the system believes
  std::optional<std::chrono::seconds> refresh = {};  // none: as the server says
  std::chrono::seconds keep{7 * 24 * 3600};  // how long the last good set is used while none can be had
};

struct IssuerEntry {
  OtherIssuer issuer;               // without keys
  std::filesystem::path jwks_file;  // empty: they are remote
  std::optional<RemoteKeys> remote;
};

// The name of the file with an issuer's fetched keys. Another for each issuer.
std::string fetched_keys_name(const std::string& issuer);

// Who is named already.
struct TakenIssuer {
  std::string issuer;
  std::string audience = {};  // empty: with whatever audience
};

// The error is a sentence that names the entry and what is wrong with it: a member that is missing, ill-typed
// or unknown, a name that cannot begin a user's, an issuer that is one of `taken` or comes twice with the
// same audience.
Result<std::vector<IssuerEntry>, std::string> parse_issuers(std::string_view json,
                                                            const std::vector<TakenIssuer>& taken);

}  // namespace duet
