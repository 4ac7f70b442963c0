// duet-access-table: prints docs/access.md.
#include <cstdlib>
#include <iostream>

#include "acl/access_document.h"

int main() {
  std::cout << duet::format_access_document() << std::flush;
  return std::cout ? EXIT_SUCCESS : EXIT_FAILURE;
}
