#include "broker_plugin/key_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "file_io/file.h"

namespace duet {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};

JwkSet load_keys(const std::filesystem::path& path) {
  auto keys = JwkSet::parse(read_file(path));
  if (!keys) throw std::runtime_error(path.string() + ": " + keys.error());
  return *std::move(keys);
}

std::vector<IssuerEntry> load_issuers(const std::filesystem::path& path,
                                      const std::vector<std::string>& taken) {
  auto entries = parse_issuers(read_file(path), taken);
  if (!entries) throw std::runtime_error(path.string() + ": " + entries.error());
  return *std::move(entries);
}

}  // namespace

KeyFiles::KeyFiles(const Options& options)
    : jwks_file_(options.jwks_file),
      issuers_files_(options.issuers_files),
      issuer_keys_dir_(options.issuer_keys_dir),
      rules_(options.tokens) {}

KeyFiles::Seen KeyFiles::look(const std::filesystem::path& path) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {path};
  return {path, status.st_ino, status.st_ctim.tv_sec * kNanoseconds + status.st_ctim.tv_nsec, status.st_size};
}

TokenVerifier KeyFiles::read() {
  // Looked at before they are read: what changes meanwhile is read again.
  seen_ = {look(jwks_file_)};
  problems_.clear();
  std::vector<OtherIssuer> others;
  std::vector<std::string> taken{rules_.issuer};
  for (const auto& file : issuers_files_) {
    seen_.push_back(look(file));
    for (IssuerEntry& entry : load_issuers(file, taken)) {
      taken.push_back(entry.issuer.issuer);
      others.push_back(with_keys(std::move(entry)));
    }
  }
  return {load_keys(jwks_file_), rules_, std::move(others)};
}

OtherIssuer KeyFiles::with_keys(IssuerEntry entry) {
  const bool fetched = entry.remote.has_value();
  const auto file = fetched ? issuer_keys_dir_ / fetched_keys_name(entry.issuer.issuer) : entry.jwks_file;
  try {
    if (fetched && issuer_keys_dir_.empty()) throw std::runtime_error("there is no issuer_keys_dir");
    seen_.push_back(look(file));
    entry.issuer.keys = load_keys(file);
  } catch (const std::exception& error) {
    problems_.push_back("tokens of " + entry.issuer.issuer + " are refused: " + error.what());
  }
  return std::move(entry.issuer);
}

bool KeyFiles::changed(Clock::time_point now) {
  if (now < look_at_) return false;
  look_at_ = now + kBetweenLooks;
  return std::ranges::any_of(seen_, [](const Seen& before) { return look(before.path) != before; });
}

}  // namespace duet
