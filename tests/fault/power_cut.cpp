#include "tests/fault/power_cut.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/fault/power_shadow.h"

namespace duet {
namespace {

namespace fs = std::filesystem;

using Names = std::map<std::string, ino_t>;

std::size_t pick(std::mt19937_64& random, std::size_t low, std::size_t high) {
  return std::uniform_int_distribution<std::size_t>(low, high)(random);
}

void overwrite(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

// Between what is durable and what was written.
std::string torn(const std::string& durable, const std::string& written, std::mt19937_64& random) {
  const std::size_t sector = pick(random, 0, 1) == 0 ? 512 : 4096;
  const std::size_t kept_of_ten = pick(random, 0, 3) == 0 ? 10 * pick(random, 0, 1) : pick(random, 1, 9);
  const std::size_t low = std::min(durable.size(), written.size());
  const std::size_t high = std::max(durable.size(), written.size());
  const std::size_t length =
      std::array{durable.size(), written.size(), pick(random, low, high)}[pick(random, 0, 2)];
  std::string bytes = durable;
  bytes.resize(length);  // what was allocated and never written reads as zeros
  for (std::size_t at = 0; at < std::min(length, written.size()); at += sector) {
    if (pick(random, 0, 9) >= kept_of_ten) continue;
    const std::size_t count = std::min({sector, length - at, written.size() - at});
    bytes.replace(at, count, written, at, count);
  }
  return bytes;
}

// The names of a directory after each change since its last sync; the first entry is that sync.
std::vector<Names> states_of(const fs::path& log) {
  std::vector<Names> states(1);
  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    char kind = 0;
    ino_t inode = 0;
    std::string name;
    words >> kind >> inode >> name;
    if (kind != '=') states.push_back(states.back());
    Names& now = states.back();
    if (kind == '-' || kind == '>') now.erase(name);
    if (kind == '>') std::getline(lines, name);
    if (kind != '-') now[name] = inode;
  }
  return states;
}

Names names_in(const fs::path& directory) {
  Names names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names[base_name(entry.path())] = inode_of(entry.path());
  }
  return names;
}

class Cut {
 public:
  Cut(const fs::path& shadow, std::mt19937_64& random) : shadow_(shadow), random_(random) {}

  void tear_files() {
    for (const ino_t inode : known_files()) {
      const std::string durable = text_of(shadow_.content(inode));
      const std::string written = text_of(shadow_.kept(inode));
      if (durable == written) continue;
      const std::string left = torn(durable, written, random_);
      overwrite(shadow_.kept(inode), left);
      overwrite(shadow_.content(inode), left);
      losses_.push_back("inode " + std::to_string(inode) + ": synced " + std::to_string(durable.size()) +
                        " bytes, written " + std::to_string(written.size()) + ", left " +
                        std::to_string(left.size()));
    }
  }

  void take_back_names(const fs::path& directory) {
    const Names live = names_in(directory);
    Names left = live;
    if (shadow_.knows_directory(inode_of(directory))) {
      auto states = states_of(shadow_.names(inode_of(directory)));
      // A process that is killed may not have noted its last change.
      if (states.back() != live) states.push_back(live);
      left = states[pick(random_, 0, states.size() - 1)];
    }
    for (const auto& [name, inode] : live) {
      const auto kept = left.find(name);
      if (kept != left.end() && kept->second == inode) continue;
      fs::remove_all(directory / name);
      losses_.push_back("name " + (directory / name).string() + ": taken back");
    }
    for (const auto& [name, inode] : left) {
      if (!fs::exists(directory / name)) fs::create_hard_link(shadow_.kept(inode), directory / name);
    }
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (entry.is_directory()) take_back_names(entry.path());
    }
    shadow_.sync_names(directory, inode_of(directory));
  }

  // Files without a name are gone, and their numbers may be given again.
  void forget_the_nameless() {
    for (const ino_t inode : known_files()) {
      if (fs::hard_link_count(shadow_.kept(inode)) > 1) continue;
      fs::remove(shadow_.kept(inode));
      fs::remove(shadow_.content(inode));
    }
  }

  std::vector<std::string> losses() { return std::move(losses_); }

 private:
  std::set<ino_t> known_files() const {
    std::set<ino_t> inodes;
    for (const auto& entry : fs::directory_iterator(shadow_.contents())) {
      inodes.insert(std::stoull(base_name(entry.path())));
    }
    return inodes;
  }

  const PowerShadow shadow_;
  std::mt19937_64& random_;
  std::vector<std::string> losses_;
};

}  // namespace

std::vector<std::string> cut_power(const std::vector<fs::path>& live, const fs::path& shadow,
                                   std::mt19937_64& random) {
  Cut cut(shadow, random);
  cut.tear_files();
  for (const fs::path& directory : live) cut.take_back_names(directory);
  cut.forget_the_nameless();
  return cut.losses();
}

std::vector<std::string> unsynced_files(const std::vector<fs::path>& live, const fs::path& shadow) {
  const PowerShadow notes(shadow);
  std::vector<std::string> unsynced;
  for (const fs::path& directory : live) {
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (!entry.is_regular_file() || !notes.knows_file(inode_of(entry.path()))) continue;
      if (text_of(notes.content(inode_of(entry.path()))) != text_of(entry.path())) {
        unsynced.push_back(base_name(entry.path()));
      }
    }
  }
  return unsynced;
}

PlatformSpec PowerPlatform::spec(std::string_view config) {
  return {.config = std::string(config),
          .environment = {{"LD_PRELOAD", (build_dir() / "lib" / "libduet_power_shim.so").string()},
                          {"DUET_POWER_DIR", "{dir}/data/journal:{dir}/data/store"},
                          {"DUET_POWER_SHADOW", "{dir}/shadow"},
                          {"DUET_POWER_BOOT_ID", "{dir}/boot_id"}}};
}

std::vector<fs::path> PowerPlatform::live(const TestPlatform& platform) {
  return {platform.data_dir() / "journal", platform.data_dir() / "store"};
}

fs::path PowerPlatform::shadow(const TestPlatform& platform) {
  return platform.data_dir().parent_path() / "shadow";
}

std::vector<std::string> PowerPlatform::cut(TestPlatform& platform, std::mt19937_64& random) {
  platform.crash();
  overwrite(platform.data_dir().parent_path() / "boot_id", "boot-" + std::to_string(random()) + "\n");
  return cut_power(live(platform), shadow(platform), random);
}

}  // namespace duet
