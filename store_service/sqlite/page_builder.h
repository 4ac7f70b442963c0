// store_service/sqlite/page_builder.h: where a page ends.
#pragma once

#include <cstddef>
#include <utility>

#include "store_service/store.h"

namespace duet::sqlite {

template <typename Item>
class PageBuilder {
 public:
  PageBuilder(std::size_t limit, std::size_t max_bytes) : limit_(limit), bytes_left_(max_bytes) {}

  // Takes an item with a body of `bytes`. False: it has no room, so the page is complete and there is more.
  bool add(Item item, std::size_t bytes) {
    const bool room = page_.items.empty() || bytes <= bytes_left_;
    if (page_.items.size() >= limit_ || !room) {
      page_.more = true;
      return false;
    }
    bytes_left_ -= bytes < bytes_left_ ? bytes : bytes_left_;
    page_.items.push_back(std::move(item));
    return true;
  }

  Page<Item> take() { return std::move(page_); }

 private:
  std::size_t limit_;
  std::size_t bytes_left_;
  Page<Item> page_;
};

}  // namespace duet::sqlite
