#include "auth_service/form.h"

#include <utility>

namespace duet {
namespace {

constexpr std::size_t kMaxParameters = 32;

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

Failure<std::string> failed(const char* what) {
  return Failure<std::string>(what);
}

}  // namespace

std::optional<std::string> decode_form_text(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

Result<Form, std::string> Form::parse(std::string_view body) {
  Form form;
  while (!body.empty()) {
    const auto end = body.find('&');
    const auto pair = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decode_form_text(pair.substr(0, equals));
    auto value = decode_form_text(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name || !value) return failed("a percent escape is broken");
    for (const auto& known : form.parameters_) {
      if (known.first == *name) return failed("a parameter is given twice");
    }
    if (form.parameters_.size() == kMaxParameters) return failed("there are too many parameters");
    form.parameters_.emplace_back(*std::move(name), *std::move(value));
  }
  return form;
}

const std::string* Form::find(std::string_view name) const {
  for (const auto& [known, value] : parameters_) {
    if (known == name) return value.empty() ? nullptr : &value;
  }
  return nullptr;
}

}  // namespace duet
