#include "client/cli/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iostream>
#include <stdexcept>
#include <system_error>

namespace duet {
namespace {

constexpr const char* kEraseLine = "\r\x1b[K";  // ECMA-48 8.3.41
constexpr std::size_t kDefaultColumns = 80;

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

}  // namespace

// Characters instead of lines, and no echo: the line is drawn here. Ctrl-C still is a signal.
struct Terminal::Mode {
  Mode() {
    if (::tcgetattr(STDIN_FILENO, &before) != 0) {
      throw std::system_error(errno, std::generic_category(), "the terminal");
    }
    termios characters = before;
    characters.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &characters);
  }
  ~Mode() { ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before); }
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

  termios before{};
};

Terminal::Terminal(bool plain)
    : interactive_(!plain && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1),
      mode_(interactive_ ? std::make_unique<Mode>() : nullptr),
      editor_(interactive_ ? LineEditor::Source::keyboard : LineEditor::Source::pipe) {}

Terminal::~Terminal() {
  if (interactive_) std::cout << kEraseLine << std::flush;
}

void Terminal::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  erase_prompt();
  write(text + '\n');
  draw_prompt();
}

void Terminal::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  erase_prompt();
  std::cerr << "duet: " << text << std::endl;
  draw_prompt();
}

void Terminal::set_prompt(const std::string& prompt) {
  const std::lock_guard lock(mutex_);
  prompt_ = prompt;
  erase_prompt();
  draw_prompt();
}

Terminal::Input Terminal::read() {
  std::array<char, 4096> bytes{};
  const auto size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  const std::lock_guard lock(mutex_);
  Input input;
  if (size <= 0) {
    input.ended = true;
    if (!editor_.text().empty()) input.lines.push_back(editor_.take_rest());
    return input;
  }
  input.lines = editor_.feed({bytes.data(), static_cast<std::size_t>(size)});
  input.ended = editor_.ended();
  input.typing = interactive_ && !editor_.text().empty();
  erase_prompt();
  draw_prompt();
  return input;
}

void Terminal::erase_prompt() {
  if (interactive_) write(kEraseLine);
}

// Never more than one line, which could not be erased.
void Terminal::draw_prompt() {
  if (!interactive_) return;
  const auto width = columns();
  const auto room = width > prompt_.size() + 1 ? width - prompt_.size() - 1 : 1;
  write(prompt_ + editor_.tail(room));
}

void Terminal::write(const std::string& text) {
  if (!(std::cout << text << std::flush)) throw std::runtime_error("cannot write to the standard output");
}

}  // namespace duet
