// supervisor/certificate.h: X.509 certificates (RFC 5280) for the platform's own TLS: a small authority, and
// what it signs. Keys are on P-256.
//
// Pure but for the random numbers. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"

namespace duet {

struct Certificate {
  std::string pem;
  std::string key_pem;  // PKCS #8, not encrypted
};

struct CertificateSpec {
  enum class Use : std::uint8_t { server, client };

  std::string common_name;
  Use use = Use::server;
  std::vector<std::string> names;  // host names and addresses; not empty for a server
  Timestamp from;
  Timestamp until;
};

// A root that signs itself and nothing but end-entity certificates.
Certificate make_authority(const std::string& common_name, Timestamp from, Timestamp until);

// Throws std::runtime_error when the authority cannot be read.
Certificate issue_certificate(const CertificateSpec& spec, const Certificate& authority);

// Whether the first certificate of `pem` is signed by the authority's, is good for every one of these names,
// and will be so until then. False for anything that cannot be read.
bool certificate_serves(std::string_view pem, const std::vector<std::string>& names, Timestamp until,
                        std::string_view authority_pem);

}  // namespace duet
