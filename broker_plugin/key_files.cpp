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

// The file of another issuer.
JwkSet load_foreign_keys(const std::filesystem::path& path, std::vector<std::string>& left_out) {
  auto keys = JwkSet::parse_foreign(read_file(path), left_out);
  if (!keys) throw std::runtime_error(path.string() + ": " + keys.error());
  return *std::move(keys);
}

std::vector<IssuerEntry> load_issuers(const std::filesystem::path& path,
                                      const std::vector<TakenIssuer>& taken) {
  auto entries = parse_issuers(read_file(path), taken);
  if (!entries) throw std::runtime_error(path.string() + ": " + entries.error());
  return *std::move(entries);
}

}  // namespace

KeyFiles::KeyFiles(const Options& options)
    : jwks_file_(options.jwks_file),
      issuers_files_(options.issuers_files),
      issuer_keys_dir_(options.issuer_keys_dir),
      rules_(options.tokens),
      lists_(options.issuers_files.size()) {}

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
  std::vector<TakenIssuer> taken{{rules_.issuer}};
  for (std::size_t list = 0; list < issuers_files_.size(); ++list) {
    seen_.push_back(look(issuers_files_[list]));
    for (const IssuerEntry& entry : entries_of(list, taken)) {
      taken.push_back({entry.issuer.issuer, entry.issuer.audience});
      others.push_back(with_keys(entry));
    }
  }
  return {load_keys(jwks_file_), rules_, std::move(others)};
}

// One broken list is no reason to miss the new keys of the others.
const std::vector<IssuerEntry>& KeyFiles::entries_of(std::size_t list,
                                                     const std::vector<TakenIssuer>& taken) {
  auto& entries = lists_.at(list);
  try {
    entries = load_issuers(issuers_files_[list], taken);
  } catch (const std::exception& error) {
    if (!entries) throw;
    problems_.push_back("the list of issuers stays as it was: " + std::string(error.what()));
  }
  return *entries;
}

OtherIssuer KeyFiles::with_keys(IssuerEntry entry) {
  const bool fetched = entry.remote.has_value();
  const auto file = fetched ? issuer_keys_dir_ / fetched_keys_name(entry.issuer.issuer) : entry.jwks_file;
  try {
    if (fetched && issuer_keys_dir_.empty()) throw std::runtime_error("there is no issuer_keys_dir");
    seen_.push_back(look(file));
    std::vector<std::string> left_out;
    entry.issuer.keys = load_foreign_keys(file, left_out);
    for (const auto& key : left_out) problems_.push_back(file.string() + ": left out " + key);
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
