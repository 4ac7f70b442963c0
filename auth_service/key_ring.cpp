#include "auth_service/key_ring.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "auth_service/key_file.h"
#include "file_io/file.h"
#include "file_io/secret_file.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPublicMode = 0644;
constexpr std::int64_t kMaxSeconds = 253402300799;  // the year 9999

std::optional<Timestamp> time_of(const fs::path& file) {
  if (file.extension() != ".pem") return std::nullopt;
  const auto stem = file.stem().string();
  std::int64_t seconds = 0;
  const auto* end = stem.data() + stem.size();
  const auto parsed = std::from_chars(stem.data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 0 || seconds > kMaxSeconds) {
    return std::nullopt;
  }
  return Timestamp(std::chrono::seconds(seconds));
}

std::shared_ptr<const Keys> read_keys(const KeyRules& rules, const TokenRules& token_rules, Timestamp now) {
  const auto files = list_key_files(rules.directory);
  if (files.empty()) {
    throw std::runtime_error("no key in " + rules.directory.string() +
                             ": make one with `duet-auth rotate --keys DIR`");
  }
  const auto choice = choose_keys(files, rules, now);
  std::optional<SigningKey> signer;
  std::string set;
  for (auto i = choice.first_in_set; i < files.size(); ++i) {
    auto key = load_key_file(files[i].path);
    set += (set.empty() ? "" : ",") + key.public_jwk();
    if (i == choice.signer) signer = std::move(key);
  }
  set = R"({"keys":[)" + set + "]}";
  auto parsed = JwkSet::parse(set);
  if (!parsed || !signer) throw std::runtime_error(rules.directory.string() + ": the keys make no key set");
  return std::make_shared<Keys>(
      Keys{*std::move(signer), std::move(set), TokenVerifier(*std::move(parsed), token_rules)});
}

// Only when it changes something: whoever watches the file reads it again.
void publish(const fs::path& file, const std::string& set) {
  if (file.empty() || (fs::exists(file) && read_file(file) == set)) return;
  write_file_atomically(file, set, kPublicMode);
}

}  // namespace

std::vector<DatedKeyFile> list_key_files(const fs::path& directory) {
  std::vector<DatedKeyFile> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (const auto made = time_of(entry.path().filename())) files.push_back({entry.path(), *made});
  }
  std::sort(files.begin(), files.end(),
            [](const DatedKeyFile& one, const DatedKeyFile& other) { return one.made < other.made; });
  return files;
}

SigningKey rotate_key(const fs::path& directory, SignatureAlgorithm algorithm, Timestamp now) {
  const auto files = list_key_files(directory);
  auto made = std::chrono::floor<std::chrono::seconds>(now);
  if (!files.empty()) {
    const auto last = std::chrono::floor<std::chrono::seconds>(files.back().made);
    made = std::max(made, last + std::chrono::seconds(1));
  }
  const auto name = std::to_string(made.time_since_epoch().count()) + ".pem";
  return create_key_file(directory / name, algorithm);
}

KeyChoice choose_keys(const std::vector<DatedKeyFile>& files, const KeyRules& rules, Timestamp now) {
  KeyChoice choice{0, 0};
  for (std::size_t i = 1; i < files.size(); ++i) {
    const auto signs_from = files[i].made + rules.activate_after;
    if (signs_from <= now) choice.signer = i;
    if (signs_from + rules.longest_token_life <= now) choice.first_in_set = i;  // the one before is over
  }
  return choice;
}

KeyRing::KeyRing(KeyRules rules, TokenRules token_rules, Timestamp now)
    : rules_(std::move(rules)), token_rules_(std::move(token_rules)) {
  if (rules_.make_first && list_key_files(rules_.directory).empty()) {
    rotate_key(rules_.directory, SignatureAlgorithm::es256, now);
  }
  keys_ = load(now);
}

// Whoever reads the file has a new key before anything is signed with it: that is a while after it is in the
// set.
std::shared_ptr<const Keys> KeyRing::load(Timestamp now) const {
  auto keys = read_keys(rules_, token_rules_, now);
  publish(rules_.jwks_file, keys->jwk_set);
  return keys;
}

std::shared_ptr<const Keys> KeyRing::keys() const {
  const std::scoped_lock lock(mutex_);
  return keys_;
}

void KeyRing::reload(Timestamp now) {
  auto keys = load(now);
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(keys);
}

}  // namespace duet
