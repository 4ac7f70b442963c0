#include "ws_gateway/static_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace duet {
namespace {

std::string hex(std::uint64_t value) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  return {text.data(), end};
}

std::string entity_tag(const struct stat& status) {
  return '"' + hex(static_cast<std::uint64_t>(status.st_ino)) + '-' +
         hex(static_cast<std::uint64_t>(status.st_size)) + '-' +
         hex(static_cast<std::uint64_t>(status.st_mtim.tv_sec)) + '.' +
         hex(static_cast<std::uint64_t>(status.st_mtim.tv_nsec)) + '"';
}

// If-None-Match compares weakly (RFC 9110, 13.1.2).
bool names_tag(std::string_view list, std::string_view tag) {
  if (list == "*") return true;
  for (auto at = list.find(tag); at != std::string_view::npos; at = list.find(tag, at + 1)) {
    const bool begins = at == 0 || list[at - 1] == ' ' || list[at - 1] == ',' || list[at - 1] == '/';
    const auto end = at + tag.size();
    if (begins && (end == list.size() || list[end] == ',' || list[end] == ' ')) return true;
  }
  return false;
}

bool is_unchanged(const FileConditions& conditions, std::string_view tag, std::int64_t modified) {
  if (!conditions.if_none_match.empty()) return names_tag(conditions.if_none_match, tag);
  if (conditions.if_modified_since.empty()) return false;
  const auto since = parse_http_date(conditions.if_modified_since);
  return since && modified <= *since;
}

}  // namespace

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

StaticFiles::StaticFiles(const std::filesystem::path& root, std::string content_security_policy)
    : content_security_policy_(std::move(content_security_policy)) {
  if (root.empty()) return;
  root_ = FileHandle(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root_) throw std::system_error(errno, std::generic_category(), "opening " + root.string());
}

FileReply StaticFiles::find(std::string_view path, const FileConditions& conditions) const {
  FileReply reply;
  const auto names = file_names(path);
  if (!root_ || !names) return reply;
  FileHandle file;
  for (std::size_t i = 0; i < names->size(); ++i) {
    const bool last = i + 1 == names->size();
    // Never waits for a pipe's other end.
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY);
    file = FileHandle(::openat(file ? file.get() : root_.get(), (*names)[i].c_str(), flags));
    if (!file) return reply;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return reply;

  const std::string tag = entity_tag(status);
  const bool unchanged = is_unchanged(conditions, tag, status.st_mtim.tv_sec);
  const std::string& name = names->back();
  reply.status = unchanged ? 304 : 200;
  reply.size = static_cast<std::uint64_t>(status.st_size);
  reply.headers = {
      {"ETag", tag},
      {"Last-Modified", http_date(status.st_mtim.tv_sec)},
      {"Cache-Control", has_content_hash(name) ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", content_security_policy_},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  if (unchanged) return reply;
  reply.headers.emplace_back("Content-Type", content_type(name));
  reply.file = std::move(file);
  return reply;
}

}  // namespace duet
