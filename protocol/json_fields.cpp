#include "protocol/json_fields.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace duet {
namespace {

constexpr std::size_t kMaxDepth = 16;

// The names of its methods are those nlohmann::json_sax asks for. A method that returns false ends the parse.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::string_view> names)
      : names_(names), fields_(names.size(), Absent{}) {}

  bool null() { return take(Null{}); }
  bool boolean(bool value) { return take(value); }
  bool number_integer(std::int64_t) { return take(OtherJson{}); }
  bool number_unsigned(std::uint64_t value) { return take(value); }
  bool number_float(double, const std::string&) { return take(OtherJson{}); }
  bool binary(nlohmann::json::binary_t&) { return false; }

  bool string(std::string& value) {
    if (value.find('\0') != std::string::npos) return fail("U+0000 is not allowed");
    return take(std::move(value));
  }

  bool start_object(std::size_t) { return enter(OtherJson{.object = true}); }
  bool start_array(std::size_t) {
    if (depth_ == 0) return fail("the payload is not a JSON object");
    return enter(OtherJson{});
  }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }

  bool key(std::string& name) {
    if (name.find('\0') != std::string::npos) return fail("U+0000 is not allowed");
    if (depth_ != 1) return true;
    current_.reset();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] != name) continue;
      if (!std::holds_alternative<Absent>(fields_[i])) return fail("'" + name + "' is given twice");
      current_ = i;
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) {
    return fail("the payload is not valid JSON in UTF-8");
  }

  std::string reason() && { return std::move(reason_); }
  std::vector<JsonField> fields() && { return std::move(fields_); }

 private:
  bool take(JsonField value) {
    if (depth_ == 0) return fail("the payload is not a JSON object");
    if (depth_ == 1 && current_) fields_[*std::exchange(current_, std::nullopt)] = std::move(value);
    return true;
  }

  bool enter(OtherJson value) {
    if (depth_ == 1 && !take(value)) return false;
    if (++depth_ > kMaxDepth) return fail("the payload is nested too deeply");
    return true;
  }

  bool leave() {
    --depth_;
    return true;
  }

  bool fail(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
    return false;
  }

  std::span<const std::string_view> names_;
  std::vector<JsonField> fields_;
  std::optional<std::size_t> current_;
  std::size_t depth_ = 0;
  std::string reason_;
};

}  // namespace

Result<std::vector<JsonField>, Refusal> parse_json_fields(std::string_view text,
                                                          std::span<const std::string_view> names) {
  // No JSON text holds a NUL byte; the parser would take it for the end and pass over what follows.
  if (text.find('\0') != std::string_view::npos) {
    return refuse(ErrorCode::malformed, "the payload is not valid JSON in UTF-8");
  }
  FieldReader reader(names);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
    return refuse(ErrorCode::malformed, std::move(reader).reason());
  }
  return std::move(reader).fields();
}

}  // namespace duet
