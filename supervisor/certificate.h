// supervisor/certificate.h: X.509 certificates (RFC 5280) for the platform's own TLS: a small authority, and
// what it signs. Keys are on P-256.
//
// Pure but for the random numbers. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/names.h"
#include "protocol/result.h"

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

// The time for which a server's certificate is good (RFC 5280 4.1.2.5).
struct Validity {
  Timestamp from;
  Timestamp until;
};

// Reads what a server shows: the first certificate of `pem`, which must also hold the private key of that
// certificate, not encrypted. The error completes a sentence that begins with the file's name, for example
// "has no private key".
Result<Validity, std::string> read_server_certificate(std::string_view pem);

// Whether `pem` has a private key that can be read.
bool has_private_key(std::string_view pem);

}  // namespace duet
