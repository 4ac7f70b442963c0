// service/toml_section.h: a service's configuration, a TOML file, read key by key. For the config.cpp files.
//
// Every failure is a std::runtime_error of one line that names the file, the key and, where there is one, its
// line.
#pragma once

#include <toml++/toml.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

toml::table parse_toml_file(const std::filesystem::path& file);

// A table of the file. It remembers which keys were asked for: what nobody asked for is unknown. The file's
// name and the table must outlive it.
class TomlSection {
 public:
  struct Range {
    std::int64_t low;
    std::int64_t high;
  };

  // The top level.
  TomlSection(const std::filesystem::path& file, const toml::table& table) : file_(file), table_(&table) {}

  // A section that is absent has no keys.
  TomlSection section(std::string_view key);
  // The entries of [[key]]; none when it is absent.
  std::vector<TomlSection> sections(std::string_view key);

  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
  // Never empty, unless the fallback is.
  std::string text(std::string_view key, std::string fallback);
  std::string required_text(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  std::string choice(std::string_view key, std::string fallback,
                     std::initializer_list<std::string_view> choices);
  // Of one line, for other processes do not share our working directory; empty when it is absent or empty.
  std::string absolute_path(std::string_view key);
  std::int64_t number(std::string_view key, std::int64_t fallback, Range range);
  // A list of whole numbers; none when it is absent.
  std::vector<std::int64_t> numbers(std::string_view key, Range each);
  bool flag(std::string_view key, bool fallback);
  std::size_t count(std::string_view key, std::size_t fallback, Range range);

  // Call last.
  void refuse_unknown_keys() const;

  [[noreturn]] void fail(std::string_view key, const std::string& what) const;

 private:
  TomlSection(const std::filesystem::path& file, const toml::table* table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  const toml::node* find(std::string_view key);
  std::string full(std::string_view key) const;

  const std::filesystem::path& file_;
  const toml::table* table_;
  std::string name_;  // empty for the top level
  std::set<std::string, std::less<>> known_;
};

}  // namespace duet
