#include "tests/fault/long_run.h"

#include <cstdint>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

// `visit` gets every segment; one may be removed meanwhile.
template <typename Visit>
void for_each_segment(const fs::path& data_dir, Visit visit) {
  for (const auto& entry : fs::recursive_directory_iterator(data_dir / "journal")) {
    if (entry.path().extension() == ".seg") visit(entry);
  }
}

}  // namespace

std::chrono::seconds run_time(std::chrono::seconds otherwise) {
  const std::chrono::seconds time(
      number_from_environment("DUET_SECONDS", static_cast<std::uint64_t>(otherwise.count())));
  if (time.count() <= 0) throw std::runtime_error("DUET_SECONDS must be at least 1");
  return time;
}

std::size_t resident_kib(pid_t process) {
  std::istringstream status(text_of("/proc/" + std::to_string(process) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8));
  }
  throw std::runtime_error("process " + std::to_string(process) + " has no memory: it has ended");
}

std::size_t open_descriptors(pid_t process) {
  const fs::directory_iterator descriptors("/proc/" + std::to_string(process) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(descriptors), end(descriptors)));
}

std::size_t journal_segments(const fs::path& data_dir) {
  std::size_t count = 0;
  for_each_segment(data_dir, [&](const fs::directory_entry&) { ++count; });
  return count;
}

std::size_t journal_bytes(const fs::path& data_dir) {
  std::size_t bytes = 0;
  for_each_segment(data_dir, [&](const fs::directory_entry& entry) {
    std::error_code gone;
    if (const auto size = entry.file_size(gone); !gone) bytes += size;
  });
  return bytes;
}

}  // namespace duet
