// client/cli/line_editor.h: the line that is being typed.
//
// Pure; not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duet {

class LineEditor {
 public:
  // What a pipe brings is taken as it is; from a keyboard, backspace, Ctrl-U, Ctrl-W and Ctrl-D do what they
  // do in a shell, and other control characters and escape sequences are left out.
  enum class Source : std::uint8_t { pipe, keyboard };
  explicit LineEditor(Source source) : keyboard_(source == Source::keyboard) {}

  // A longer line is cut: no message is that long.
  static constexpr std::size_t kMaxBytes = std::size_t{256} * 1024;

  // Takes some bytes and returns the lines that they complete, without their ends.
  std::vector<std::string> feed(std::string_view bytes);
  // Ctrl-D on an empty line.
  bool ended() const { return ended_; }

  // The line so far, for the screen; it may end in the middle of a character.
  const std::string& text() const { return text_; }
  // What is left at the end of a pipe.
  std::string take_rest();

  // The last `columns` characters of the line so far.
  std::string tail(std::size_t columns) const;

 private:
  enum class Escape : std::uint8_t { none, started, sequence };
  void type(char c);
  bool in_escape(char c);
  void erase_character();
  void erase_word();

  const bool keyboard_;
  bool ended_ = false;
  Escape escape_ = Escape::none;
  std::string text_;
};

}  // namespace duet
