#include "client/cli/line_editor.h"

#include <utility>

#include "protocol/utf8.h"

namespace duet {
namespace {

constexpr char kCtrlD = 4;
constexpr char kBackspace = 8;
constexpr char kCtrlU = 21;
constexpr char kCtrlW = 23;
constexpr char kEscape = 27;
constexpr char kDelete = 127;

}  // namespace

std::vector<std::string> LineEditor::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char c : bytes) {
    if (keyboard_ && in_escape(c)) continue;
    if (c == '\n' || (keyboard_ && c == '\r')) {
      lines.push_back(take_rest());
    } else if (keyboard_) {
      type(c);
    } else if (text_.size() < kMaxBytes) {
      text_ += c;
    }
  }
  return lines;
}

std::string LineEditor::take_rest() {
  auto line = std::exchange(text_, {});
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

void LineEditor::type(char c) {
  switch (c) {
    case kBackspace:
    case kDelete:
      return erase_character();
    case kCtrlU:
      return text_.clear();
    case kCtrlW:
      return erase_word();
    case kCtrlD:
      ended_ = ended_ || text_.empty();
      return;
    default:
      break;
  }
  const bool control = static_cast<unsigned char>(c) < 0x20;
  if (!control && text_.size() < kMaxBytes) text_ += c;
}

// Whether `c` belongs to an escape sequence (ECMA-48 5.4): an arrow key, say.
bool LineEditor::in_escape(char c) {
  switch (escape_) {
    case Escape::none:
      if (c != kEscape) return false;
      escape_ = Escape::started;
      return true;
    case Escape::started:
      escape_ = c == '[' || c == 'O' ? Escape::sequence : Escape::none;
      return true;
    case Escape::sequence:
      if (c >= 0x40 && c <= 0x7E) escape_ = Escape::none;
      return true;
  }
  return false;
}

void LineEditor::erase_character() {
  while (!text_.empty() && continues_character(text_.back())) text_.pop_back();
  if (!text_.empty()) text_.pop_back();
}

void LineEditor::erase_word() {
  while (!text_.empty() && text_.back() == ' ') text_.pop_back();
  while (!text_.empty() && text_.back() != ' ') text_.pop_back();
}

std::string LineEditor::tail(std::size_t columns) const {
  std::size_t start = text_.size();
  while (start > 0 && columns > 0) {
    --start;
    if (!continues_character(text_[start])) --columns;
  }
  return text_.substr(start);
}

}  // namespace duet
