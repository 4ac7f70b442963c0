// supervisor/served_certificate.h: the certificate that HAProxy shows.
//
// It comes from the operator's file, or from our own authority. HAProxy reads a copy of it, tls/served.pem,
// and only what was found to be sound gets there. So a file that is damaged while it is replaced harms
// neither the running HAProxy nor its next start.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "supervisor/certificate.h"
#include "supervisor/layout.h"
#include "supervisor/platform_config.h"

namespace duet {

// One thread owns it.
class ServedCertificate {
 public:
  // Makes our own certificate when there is to be one. When the file cannot be served, the copy of an earlier
  // run is. Throws std::runtime_error, with a text that names the file, when there is no such copy either.
  ServedCertificate(Layout layout, PlatformConfig::Tls rules, Timestamp now);

  // The copy that HAProxy reads when it starts.
  std::filesystem::path copy() const { return layout_.served_certificate(); }

  // To be called about once a second. Hands a file that was replaced to the running HAProxy; no connection
  // ends. Throws std::runtime_error, with a text that names the file, when that cannot be done now: HAProxy
  // goes on with the certificate it has, and the next call tries again.
  void refresh(Timestamp now);

  // To be called before HAProxy is started: it is about to read the copy.
  void proxy_starts();

  // A line for the operator when the served certificate ends within 21, 7 or 1 days, or has ended: once for
  // each of these.
  std::optional<std::string> warning(Timestamp now);

  // Why the file is not what HAProxy shows; empty while it is.
  const std::string& problem() const { return problem_; }
  // When the certificate that HAProxy shows ends.
  Timestamp until() const { return validity_.until; }

 private:
  void renew(Timestamp now);
  std::string load() const;
  enum class Proxy : bool { not_started, running };
  void take(Timestamp now, Proxy proxy);
  void hand_over(const std::string& text) const;

  Layout layout_;
  PlatformConfig::Tls rules_;
  std::filesystem::path file_;  // the operator's, or tls/server.pem
  std::optional<Timestamp> renewed_at_;
  std::string served_;  // as HAProxy has it
  Validity validity_;   // of served_
  std::string problem_;
  std::size_t warned_ = 0;  // how many of the warnings were given
};

}  // namespace duet
