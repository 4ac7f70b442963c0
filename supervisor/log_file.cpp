#include "supervisor/log_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace duet {
namespace {

namespace fs = std::filesystem;

bool mentions_error(const std::string& line) {
  constexpr std::string_view kWord = "error";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(line.begin(), line.end(), kWord.begin(), kWord.end(), same) != line.end();
}

// Mosquitto closes with this after the plugin has said what is wrong.
bool says_nothing(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos ||
         line.find("Plugin returned") != std::string::npos;
}

std::string without_time(const std::string& line) {
  const auto end = line.find_first_not_of("0123456789-T:.Z");
  return end == std::string::npos || end == 0 || line[end] != ' ' ? line : line.substr(end + 1);
}

}  // namespace

int LogFile::open_for_process() {
  trim();
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  std::error_code error;
  start_ = fs::file_size(path_, error);
  if (error) start_ = 0;
  fs::remove(second_name(), error);
  fs::create_hard_link(path_, second_name(), error);  // without it restore() does nothing
  return fd;
}

void LogFile::trim(std::uintmax_t max_bytes) {
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  if (error || size <= max_bytes) return;
  // Copied, not renamed: the process keeps the file open. The older copy goes first, so that this one may
  // take its place on a full disk.
  const fs::path older = path_.string() + ".1";
  fs::remove(older, error);
  fs::copy_file(path_, older, error);
  if (error) {
    std::error_code ignored;
    fs::remove(older, ignored);
    if (size <= 2 * max_bytes) return;
    error.clear();  // without room for a copy what the log says is given up for its bound
  }
  fs::resize_file(path_, 0, error);
  if (!error) start_ = 0;
}

fs::path LogFile::second_name() const {
  return path_.parent_path() / ("." + path_.filename().string());
}

void LogFile::restore() {
  std::error_code error;
  const fs::path kept = second_name();
  if (!fs::exists(kept, error) || fs::equivalent(path_, kept, error)) return;
  const fs::path moved = find_moved();
  const fs::path copy = kept.string() + ".copy";
  if (!moved.empty()) {
    fs::copy_file(kept, copy, fs::copy_options::overwrite_existing, error);
    if (!error) fs::rename(copy, moved, error);
    if (error) {
      std::error_code ignored;
      fs::remove(copy, ignored);
      return;
    }
    fs::resize_file(kept, 0, error);
    start_ = 0;
  }
  // The name exists again when logrotate has made a new file, which is empty.
  fs::create_hard_link(kept, copy, error);
  if (!error) fs::rename(copy, path_, error);
}

// The name that the file has got in its directory; empty when it has none there.
fs::path LogFile::find_moved() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_.parent_path(), error)) {
    const auto& name = entry.path();
    if (name != second_name() && fs::equivalent(name, second_name(), error)) return name;
  }
  return {};
}

std::string LogFile::last_words() const {
  constexpr std::uintmax_t kTail = std::uintmax_t{16} * 1024;
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  if (error) return {};
  std::ifstream in(path_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(std::max(start_, size > kTail ? size - kTail : 0)));
  std::string last;
  std::string last_error;
  for (std::string line; std::getline(in, line);) {
    if (says_nothing(line)) continue;
    if (mentions_error(line)) last_error = line;
    last = line;
  }
  return without_time(last_error.empty() ? last : last_error);
}

}  // namespace duet
