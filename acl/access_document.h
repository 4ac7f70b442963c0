// acl/access_document.h: the access table as a page for people, docs/access.md.
#pragma once

#include <string>

namespace duet {

// Markdown, made from access_table() alone.
std::string format_access_document();

}  // namespace duet
