#include "auth_service/opaque_string.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace duet {
namespace {

struct Free {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }  // NOLINT(cppcoreguidelines-no-malloc)
};

// Called for each code point before it is normalized. `data`: a bool, set when there is a control character.
utf8proc_int32_t map_space(utf8proc_int32_t code_point, void* data) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
      *static_cast<bool*>(data) = true;
      return code_point;
    case UTF8PROC_CATEGORY_ZS:
      return ' ';
    default:
      return code_point;
  }
}

}  // namespace

std::optional<std::string> opaque_string(std::string_view text) {
  if (text.empty() || text.size() > kMaxOpaqueInput) return std::nullopt;
  bool has_control = false;
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map_custom(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
      &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE), map_space, &has_control);
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(mapped);
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (size <= 0 || has_control) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

}  // namespace duet
