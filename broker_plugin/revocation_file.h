// broker_plugin/revocation_file.h: the ended logins that the plugin knows, in memory and in a file.
//
// The auth service tells all of them again whenever it connects. But a broker that was killed lets people in
// at once, and the auth service may be away: what was told once must not be forgotten with the process.
//
// The file: a line for each update that said something new, as on svc/auth/revocations (JSON has no line
// break). It is not flushed: after a power cut the auth service's word counts. A line that a kill cut short
// is the last one, and was not acknowledged: it is dropped when the file is opened, and told again.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "acl/revocation_list.h"
#include "broker_plugin/broker_port.h"
#include "file_io/file.h"
#include "protocol/service_payload.h"

namespace duet {

// Used by the broker's thread alone. The port outlives it.
class RevocationFile {
 public:
  // Reads what there is; the directory must exist. Throws std::system_error when the file can be neither read
  // nor made, and std::runtime_error, naming the line, when it is not of the form: who is shut out must not
  // be guessed.
  RevocationFile(std::filesystem::path path, BrokerPort& broker);

  const RevocationList& list() const { return list_; }
  // One write when the update says something new, and now and then the whole file anew. A file that cannot be
  // written (full disk) is logged, once; the list is right all the same, until the process ends.
  void apply(const RevocationUpdate& update, Timestamp now);

 private:
  void read_lines();
  std::error_code append(std::string_view line);
  // The list as it is takes the place of all that was written.
  std::error_code write_anew();

  const std::filesystem::path path_;
  BrokerPort& broker_;
  RevocationList list_;
  std::optional<File> file_;
  std::size_t size_ = 0;
  std::size_t anew_at_;  // bytes
  bool failed_ = false;  // the last write did; told once
};

}  // namespace duet
