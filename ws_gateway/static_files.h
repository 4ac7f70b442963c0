// ws_gateway/static_files.h: the files of the web app.
//
// Under the root only: no link is followed below it, nothing that begins with a dot is served, directories
// are not listed ("/" at the end stands for index.html). Reads the disk in the caller's thread: meant for an
// app's files, which the page cache holds. Const access from several threads is safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duet {

// Owns a file descriptor; -1: none.
class FileHandle {
 public:
  explicit FileHandle(int fd = -1) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileHandle();
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct FileReply {
  unsigned status = 404;  // 200, 304 or 404
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint64_t size = 0;
  FileHandle file;  // with 200
};

// The conditions of a request (RFC 9110, 13.1); empty: not given.
struct FileConditions {
  std::string_view if_none_match;
  std::string_view if_modified_since;
};

class StaticFiles {
 public:
  // An empty root: there are no files. Throws std::system_error when the root cannot be opened.
  StaticFiles(const std::filesystem::path& root, std::string content_security_policy);

  // `path` is the request's, without a query.
  FileReply find(std::string_view path, const FileConditions& conditions) const;

 private:
  FileHandle root_;
  std::string content_security_policy_;
};

// The names on the way from the root, the last is the file's; nullopt when there can be no such file: a wrong
// escape, an empty name, a dot at a name's beginning, a control character or a backslash.
std::optional<std::vector<std::string>> file_names(std::string_view path);

std::string_view content_type(std::string_view file_name);

// Whether a build tool put a hash of the content into the name (app-BxK3f9aZ.js, app.0a1b2c3d4e.css), so that
// another content has another name. When in doubt: no.
bool has_content_hash(std::string_view file_name);

// IMF-fixdate, as in "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace duet
