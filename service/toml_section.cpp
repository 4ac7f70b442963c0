#include "service/toml_section.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace duet {

toml::table parse_toml_file(const std::filesystem::path& file) {
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << file.string() << ":";
    if (error.source().begin.line > 0) message << error.source().begin.line << ":";
    message << " " << error.description();
    throw std::runtime_error(message.str());
  }
}

TomlSection TomlSection::section(std::string_view key) {
  const auto* node = find(key);
  if (node != nullptr && !node->is_table()) fail(key, "must be a section");
  return {file_, node != nullptr ? node->as_table() : nullptr, full(key)};
}

std::vector<TomlSection> TomlSection::sections(std::string_view key) {
  std::vector<TomlSection> found;
  const auto* node = find(key);
  if (node == nullptr) return found;
  if (!node->is_array_of_tables()) fail(key, "must be sections of [[" + full(key) + "]]");
  for (const auto& entry : *node->as_array()) {
    auto name = full(key) + "[" + std::to_string(found.size()) + "]";
    found.push_back(TomlSection(file_, entry.as_table(), std::move(name)));
  }
  return found;
}

std::string TomlSection::text(std::string_view key, std::string fallback) {
  const auto* node = find(key);
  if (node == nullptr) return fallback;
  const auto* value = node->as_string();
  if (value == nullptr || value->get().empty()) fail(key, "must be a string that is not empty");
  return value->get();
}

std::string TomlSection::required_text(std::string_view key) {
  auto value = text(key, "");
  if (value.empty()) fail(key, "is missing");
  return value;
}

std::vector<std::string> TomlSection::texts(std::string_view key) {
  std::vector<std::string> found;
  const auto* node = find(key);
  if (node == nullptr) return found;
  if (!node->is_array()) fail(key, "must be a list of strings");
  for (const auto& entry : *node->as_array()) {
    const auto* value = entry.as_string();
    if (value == nullptr) fail(key, "must be a list of strings");
    found.push_back(value->get());
  }
  return found;
}

std::string TomlSection::choice(std::string_view key, std::string fallback,
                                std::initializer_list<std::string_view> choices) {
  auto value = text(key, std::move(fallback));
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
  std::string list;
  for (const auto choice : choices) list += (list.empty() ? "" : ", ") + std::string(choice);
  fail(key, "must be one of " + list);
}

std::string TomlSection::absolute_path(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return "";
  const auto* value = node->as_string();
  if (value == nullptr) fail(key, "must be a string");
  if (!value->get().empty() && value->get().front() != '/') fail(key, "must be an absolute path");
  if (value->get().find_first_of("\n\r") != std::string::npos) fail(key, "must be one line");
  return value->get();
}

std::int64_t TomlSection::number(std::string_view key, std::int64_t fallback, Range range) {
  const auto* node = find(key);
  if (node == nullptr) return fallback;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < range.low || value->get() > range.high) {
    fail(key,
         "must be a whole number from " + std::to_string(range.low) + " to " + std::to_string(range.high));
  }
  return value->get();
}

std::vector<std::int64_t> TomlSection::numbers(std::string_view key, Range each) {
  std::vector<std::int64_t> found;
  const auto* node = find(key);
  if (node == nullptr) return found;
  const auto refuse = [&] {
    fail(key, "must be a list of whole numbers from " + std::to_string(each.low) + " to " +
                  std::to_string(each.high));
  };
  if (!node->is_array()) refuse();
  for (const auto& entry : *node->as_array()) {
    const auto* value = entry.as_integer();
    if (value == nullptr || value->get() < each.low || value->get() > each.high) refuse();
    found.push_back(value->get());
  }
  return found;
}

bool TomlSection::flag(std::string_view key, bool fallback) {
  const auto* node = find(key);
  if (node == nullptr) return fallback;
  const auto* value = node->as_boolean();
  if (value == nullptr) fail(key, "must be true or false");
  return value->get();
}

std::size_t TomlSection::count(std::string_view key, std::size_t fallback, Range range) {
  return static_cast<std::size_t>(number(key, static_cast<std::int64_t>(fallback), range));
}

void TomlSection::refuse_unknown_keys() const {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    if (known_.find(key.str()) == known_.end()) fail(key.str(), "is not a known key");
  }
}

void TomlSection::fail(std::string_view key, const std::string& what) const {
  std::string place = file_.string() + ":";
  if (has(key)) place += std::to_string(table_->get(key)->source().begin.line) + ":";
  throw std::runtime_error(place + " " + full(key) + " " + what);
}

std::string TomlSection::full(std::string_view key) const {
  return (name_.empty() ? "" : name_ + ".") + std::string(key);
}

const toml::node* TomlSection::find(std::string_view key) {
  known_.emplace(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

}  // namespace duet
