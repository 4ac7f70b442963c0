// supervisor/tls_files.h: DIR/tls: a certificate authority of this platform alone, and what it has signed.
//
// Failures are exceptions whose text names the file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "supervisor/certificate.h"
#include "supervisor/layout.h"

namespace duet {

// The authority, made at the first call, for ten years.
Certificate open_authority(const Layout& layout, Timestamp now);

// The names of this machine, and further ones.
std::vector<std::string> local_names(const std::vector<std::string>& further);

// Makes tls/server.pem (key, certificate, authority) when it is not there, serves other names, or ends within
// a month. It is good for three.
void renew_server_certificate(const Layout& layout, const std::vector<std::string>& names, Timestamp now);

struct ServiceCertificate {
  std::filesystem::path certificate;
  std::filesystem::path key;
};
// Makes tls/NAME.pem and tls/NAME.key for a service on another machine, good for a year; replaces older ones.
// The name has letters, digits and hyphens.
ServiceCertificate make_service_certificate(const Layout& layout, const std::string& name, Timestamp now);

}  // namespace duet
